import type { Connection, HttpRequest } from 'jsforce';
import { type Static, type TSchema, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { badAnswer, fromRestError } from './error.ts';

export type RestCall<Shape extends TSchema> = {
  /** The form of the response. */
  readonly shape: Shape;
  /** Milliseconds until the request is aborted, with all retries; {@link maxQueryMs} by default. */
  readonly timeoutMs?: number;
  /** Retries of a GET. A caller with its own retry policy sets 0, because each request counts against the daily limit. */
  readonly maxRetries?: number;
};

/** Milliseconds. */
export const maxQueryMs = 120_000;

/**
 * Sends a REST request; a string is the URL of a GET. A refused token is renewed.
 * @throws SalesforceError for every failure, also for a response of another form
 */
export async function callRest<Shape extends TSchema>(
  connection: Connection,
  request: string | HttpRequest,
  { shape, timeoutMs = maxQueryMs, maxRetries }: RestCall<Shape>,
): Promise<Static<Shape>> {
  const retry = maxRetries === undefined ? {} : { retry: { maxRetries } };
  let answer: unknown;
  try {
    answer = await connection.request(request, { timeout: timeoutMs, ...retry });
  } catch (error) {
    throw fromRestError(error);
  }
  if (matches(shape, answer)) return answer;
  const { method, url } = typeof request === 'string' ? { method: 'GET', url: request } : request;
  throw badAnswer(`the response to ${method} ${url.split('?')[0]} does not have the expected form`);
}

// Few shapes, each defined once; a description of all fields and a page of records are large.
const checks = new WeakMap<TSchema, (value: unknown) => boolean>();

function matches<Shape extends TSchema>(shape: Shape, value: unknown): value is Static<Shape> {
  let check = checks.get(shape);
  if (check === undefined) {
    const compiled = Compile(shape);
    check = (one) => compiled.Check(one);
    checks.set(shape, check);
  }
  return check(value);
}

/** A REST request with a JSON body. */
export function jsonRequest(method: 'POST' | 'PATCH', url: string, body: object): HttpRequest {
  return { method, url, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

export const countPage = Type.Object({ totalSize: Type.Integer() });

/** Requests the first page of a SOQL query. @throws SalesforceError */
export function querySoql<Shape extends TSchema>(
  connection: Connection,
  soql: string,
  call: RestCall<Shape> & { readonly resource?: string },
): Promise<Static<Shape>> {
  return callRest(connection, `${call.resource ?? '/query'}?q=${encodeURIComponent(soql)}`, call);
}
