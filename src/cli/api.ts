import { CliError } from './exit.ts';
import type { Address } from './find-tidemark.ts';

const responseTimeoutMs = 30_000;
// Too many requests, or the service or a proxy in front of it is not ready.
const transientStatuses = new Set([429, 502, 503, 504]);

export type Api = {
  readonly url: string;
  /** Sends a request and parses the JSON response. @throws CliError without a successful response */
  send<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<ApiResponse<T>>;
  /** Opens a stream of Server-Sent Events, after an event if there is an id. @throws CliError without a stream */
  open(path: string, lastEventId: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
};

export type ApiResponse<T> = { readonly status: number; readonly body: T };

/** A client of the API that reports errors in one line. */
export function createApi({ url, key }: Address): Api {
  const request = async (path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> => {
    try {
      const headers = { ...init.headers, authorization: `Bearer ${key}` };
      const response = await fetch(`${url}${path}`, { ...init, headers, redirect: 'error' });
      if (response.ok) return response;
      const message = await responseError(response, url);
      throw transientStatuses.has(response.status) ? new UnreachableError(message) : new CliError(message);
    } catch (error) {
      throw error instanceof CliError ? error : new UnreachableError(connectionError(error, url));
    }
  };
  return {
    url,
    async send(method, path, body) {
      const response = await request(path, {
        method,
        signal: AbortSignal.timeout(responseTimeoutMs),
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
      return { status: response.status, body: await readJson(response, url) };
    },
    async open(path, lastEventId, signal) {
      const resumption = lastEventId === '' ? {} : { 'last-event-id': lastEventId };
      const headers = { accept: 'text/event-stream', ...resumption };
      const response = await request(path, { headers, signal });
      if (response.body === null) throw new UnreachableError(`${url} closed the stream immediately.`);
      return response.body;
    },
  };
}

/** No or no complete response; the request may be retried. */
export class UnreachableError extends CliError {}

async function readJson<T>(response: Response, url: string): Promise<T> {
  try {
    return (await response.json()) as T;
  } catch {
    throw new CliError(`${url} does not respond like Tidemark; set TIDEMARK_URL.`);
  }
}

async function responseError(response: Response, url: string): Promise<string> {
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json') === true;
  if (!isProblem) return `${url} does not respond like Tidemark (HTTP ${response.status}); set TIDEMARK_URL.`;
  const { detail, requestId } = await readJson<{ detail: string; requestId: string }>(response, url);
  if (response.status === 401 || response.status === 403) return `${detail} Set TIDEMARK_API_KEY.`;
  return response.status === 500 ? `${detail} The request id is ${requestId}.` : detail;
}

function connectionError(error: unknown, url: string): string {
  const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === 'TimeoutError') return `${url} does not respond.`;
  if (cause?.code === 'ECONNREFUSED') {
    return `No server is listening at ${url}: start Tidemark with "npm start", or set TIDEMARK_URL.`;
  }
  return `${url} cannot be reached (${cause?.code ?? cause?.message ?? (error as Error).message}).`;
}
