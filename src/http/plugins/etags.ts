import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify';
import { type TSchema, Type } from 'typebox';
import { IfNoneMatch } from '../schemas/parameters.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Set for lists, whose pages have an `ETag`. */
    isList?: true;
  }
}

/** A weak entity tag that changes with the row and with the set of mirrored fields. */
export function accountTag(revision: bigint, fieldNames: readonly string[]): string {
  return `W/"${revision}-${digestOfNames(fieldNames)}"`;
}

const digests = new WeakMap<readonly string[], string>();

function digestOfNames(fieldNames: readonly string[]): string {
  const cached = digests.get(fieldNames);
  if (cached !== undefined) return cached;
  const digest = hash('sha256', fieldNames.join(','), 'base64url').slice(0, 8);
  digests.set(fieldNames, digest);
  return digest;
}

/** Whether an `If-None-Match` header contains the tag, by the weak comparison of RFC 9110. */
export function matchesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = tag.replace(/^W\//, '');
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === opaque);
}

/** What `ETag` and `Last-Modified` are derived from. */
export type Validators = { readonly tag: string; readonly changedAt: Date };

/** Whether the response depends on `If-None-Match` or `If-Modified-Since`. */
export function isConditional({ headers }: FastifyRequest): boolean {
  return headers['if-none-match'] !== undefined || headers['if-modified-since'] !== undefined;
}

/** Evaluates `If-None-Match` or, without it, `If-Modified-Since`. */
export function isNotModified({ headers }: FastifyRequest, { tag, changedAt }: Validators): boolean {
  const { 'if-none-match': tags, 'if-modified-since': since } = headers;
  if (tags !== undefined) return matchesTag(tags, tag);
  const modified = lastModified(changedAt);
  return modified !== undefined && since !== undefined && modified <= Date.parse(since);
}

/** Sets `ETag` and `Last-Modified`. */
export function setValidators(reply: FastifyReply, { tag, changedAt }: Validators): void {
  reply.header('etag', tag);
  const modified = lastModified(changedAt);
  if (modified !== undefined) reply.header('last-modified', new Date(modified).toUTCString());
}

/** Sends 304 without a body: Fastify treats null as a body for HEAD. */
export function sendNotModified(reply: FastifyReply, validators: Validators): FastifyReply {
  setValidators(reply, validators);
  return reply.code(304).send();
}

/**
 * The second of a change, in milliseconds; undefined during that second. HTTP times have a resolution of one second, and
 * another change may follow within it.
 */
function lastModified(changedAt: Date): number | undefined {
  const second = Math.floor(changedAt.getTime() / 1_000) * 1_000;
  return second + 1_000 <= Date.now() ? second : undefined;
}

/** Adds an `ETag` to every page of every list, and responds with 304 if it matches. */
export function registerListTags(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    if (!isList(route)) return;
    describeTag(route);
    route.config = { ...route.config, isList: true };
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    if (
      !request.routeOptions.config.isList ||
      reply.statusCode !== 200 ||
      (typeof payload !== 'string' && !Buffer.isBuffer(payload))
    )
      return done();
    // The tag is weak: it is valid with and without compression.
    const tag = `W/"${hash('sha256', payload, 'base64url').slice(0, 22)}"`;
    reply.header('etag', tag);
    if (!matchesTag(request.headers['if-none-match'], tag)) return done();
    reply.code(304).removeHeader('content-type');
    // Fastify removes the body of a response to HEAD itself.
    done(null, request.method === 'HEAD' ? payload : null);
  });
}

function isList({ schema, method }: { schema?: unknown; method?: RouteOptions['method'] }): boolean {
  const isRead = [method].flat().some((name) => name === 'GET' || name === 'HEAD');
  const response = okResponse(schema);
  const body = response?.content?.['application/json']?.schema ?? response;
  return isRead && 'nextCursor' in (body?.properties ?? {});
}

function describeTag(route: RouteOptions): void {
  const ok = okResponse(route.schema);
  const { headers, response } = route.schema as { headers?: ResponseSchema; response: object };
  const ETag = Type.String({ description: 'Changes with the page.' });
  route.schema = {
    ...route.schema,
    headers: Type.Object({ ...headers?.properties, 'if-none-match': IfNoneMatch }),
    response: {
      ...response,
      200: { ...ok, headers: { ...ok?.headers, ETag } },
      304: Type.Null({ description: 'The page still has this ETag.' }),
    },
  };
}

function okResponse(schema: unknown): ResponseSchema | undefined {
  return (schema as { response?: { 200?: ResponseSchema } } | undefined)?.response?.[200];
}

type ResponseSchema = {
  readonly properties?: Record<string, TSchema>;
  readonly headers?: object;
  readonly content?: { readonly [type: string]: { readonly schema: ResponseSchema } };
};
