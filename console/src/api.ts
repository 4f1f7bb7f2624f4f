import createClient from 'openapi-fetch';
import type { components, paths } from './generated/api.ts';
import { hrefOf } from './router.ts';
import { apiKey, signOut } from './session.ts';

export type Schemas = components['schemas'];

/** An error of the API, or of the connection to it. */
export class ApiError extends Error {
  readonly title: string;
  readonly status: number;
  readonly requestId: string | undefined;

  constructor({ title, detail, status, requestId }: Partial<Schemas['Problem']>) {
    super(detail ?? 'No details.');
    this.name = 'ApiError';
    this.title = title ?? 'Request failed';
    this.status = status ?? 0;
    this.requestId = requestId;
  }
}

/** The API, typed by its OpenAPI document. */
export const api = createClient<paths, 'application/json'>({
  baseUrl: hrefOf('/'),
  fetch: (request) => authorizedFetch(request),
});

/** Adds the key. @throws ApiError if the server does not respond */
export async function authorizedFetch(request: Request): Promise<Response> {
  if (!request.headers.has('authorization')) request.headers.set('authorization', `Bearer ${apiKey.value}`);
  const response = await fetch(request).catch((error: Error) => {
    if (error.name === 'AbortError') throw error;
    throw new ApiError({
      title: 'Tidemark does not respond',
      detail: 'The connection failed. The console tries again.',
    });
  });
  if (response.status === 401 && apiKey.value !== '') signOut('The API key is no longer accepted.');
  return response;
}

/** The body of a successful response. @throws ApiError for a problem */
export async function body<T>(
  responding: Promise<{ readonly data?: T; readonly error?: unknown; readonly response: Response }>,
): Promise<T> {
  const { data, error, response } = await responding;
  if (response.ok && data !== undefined) return data;
  throw toError(error, response);
}

/** For resources that are not in the OpenAPI document. @throws ApiError */
export async function requestJson<T>(
  path: string,
  { method = 'GET', json, signal, key }: JsonRequest = {},
): Promise<T> {
  const request = new Request(hrefOf(path), {
    method,
    headers: {
      accept: 'application/json',
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
    },
    ...(signal && { signal }),
    ...(json !== undefined && { body: JSON.stringify(json) }),
  });
  const response = await authorizedFetch(request);
  const text = await response.text();
  const parsed: unknown = text === '' ? undefined : parseJson(text);
  if (!response.ok) throw toError(parsed, response);
  return parsed as T;
}

type JsonRequest = {
  readonly method?: string;
  readonly json?: unknown;
  readonly signal?: AbortSignal;
  /** Instead of the key of the session. */
  readonly key?: string;
};

function toError(problem: unknown, response: Response): ApiError {
  const known = typeof problem === 'object' && problem !== null ? problem : {};
  const requestId = response.headers.get('x-request-id') ?? undefined;
  return new ApiError({
    title: `HTTP ${response.status}`,
    // The control API of the simulator.
    ...('error' in known && { title: 'Refused by the simulator', detail: String(known.error) }),
    ...known,
    status: response.status,
    ...(requestId !== undefined && { requestId }),
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
