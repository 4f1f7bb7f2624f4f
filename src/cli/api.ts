import { CliError } from './exit.ts';
import type { Address } from './find-tidemark.ts';

const answerLimitMs = 30_000;

export type Api = {
  readonly url: string;
  /** Sends a request and reads the JSON of its answer. @throws CliError unless it is a success */
  send<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<ApiAnswer<T>>;
  /** Opens a stream of Server-Sent Events. @throws CliError where there is none */
  open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
};

export type ApiAnswer<T> = { readonly status: number; readonly body: T };

/** Tidemark's API, its failures told in one line for a person. */
export function createApi({ url, key }: Address): Api {
  const request = async (path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> => {
    try {
      const headers = { ...init.headers, authorization: `Bearer ${key}` };
      const answer = await fetch(`${url}${path}`, { ...init, headers, redirect: 'error' });
      if (answer.ok) return answer;
      throw new CliError(await refusal(answer, url));
    } catch (error) {
      throw error instanceof CliError ? error : new Unreachable(silence(error, url));
    }
  };
  return {
    url,
    async send(method, path, body) {
      const answer = await request(path, {
        method,
        signal: AbortSignal.timeout(answerLimitMs),
        ...(body === undefined
          ? {}
          : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
      return { status: answer.status, body: await readJson(answer, url) };
    },
    async open(path, signal) {
      const answer = await request(path, { headers: { accept: 'text/event-stream' }, signal });
      if (answer.body === null) throw new Unreachable(`${url} ended the stream at once.`);
      return answer.body;
    },
  };
}

/** Nothing answered, or not to the end: a later try may do. */
export class Unreachable extends CliError {}

async function readJson<T>(answer: Response, url: string): Promise<T> {
  try {
    return (await answer.json()) as T;
  } catch {
    throw new CliError(`${url} does not answer like Tidemark; set TIDEMARK_URL.`);
  }
}

async function refusal(answer: Response, url: string): Promise<string> {
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true;
  if (!isProblem) return `${url} does not answer like Tidemark (HTTP ${answer.status}); set TIDEMARK_URL.`;
  const { detail } = await readJson<{ detail: string }>(answer, url);
  const advice = answer.status === 401 || answer.status === 403 ? ' Set TIDEMARK_API_KEY.' : '';
  return `${detail}${advice}`;
}

function silence(error: unknown, url: string): string {
  const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
  if (name === 'TimeoutError') return `${url} does not answer.`;
  if (cause?.code === 'ECONNREFUSED') {
    return `Nothing listens at ${url}: start Tidemark with "npm start", or set TIDEMARK_URL.`;
  }
  return `${url} can't be reached (${cause?.code ?? cause?.message ?? (error as Error).message}).`;
}
