import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, HttpRequest, HttpRequestOptions, HttpResponse } from 'jsforce';
import { type Egress, type Response, readText } from '../egress/egress.ts';
import { untilAborted } from '../run-loop.ts';
import { endSpan, startClientSpan } from '../tracing.ts';
import { backoffMs } from './backoff.ts';
import type { ClockDifference } from './clock-difference.ts';
import { badAnswer, fromRestError, SalesforceError } from './error.ts';
import { describeBody, isHtml } from './response-body.ts';
import { restRefusal } from './rest-refusal.ts';
import type { Session } from './sign-in-state.ts';
import type { TokenSource } from './token-source.ts';

type Transport = Connection['_transport'];

export type Usage = { readonly used: number; readonly limit: number };

/** Transport of a jsforce connection that can also stream a response. */
export type RestTransport = Transport & {
  /**
   * Sends a GET request without retries, except with a new token or to the new address of the org, and resolves with the
   * headers of the response.
   * @param path with its query
   * @throws SalesforceError for every failure but the reason of the signal
   */
  open(path: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response>;
};

// Retries of a GET; callers handle longer outages.
const maxRetries = 3;
const maxRefusalBytes = 1024 * 1024;
/** Milliseconds. */
const defaultTimeoutMs = 120_000;

/**
 * Requests use the address and the token of the current session. A refused token is replaced and the request repeated;
 * after a failure of the host, a new sign-in returns the current address of the org. A request that times out is aborted.
 * Invalid responses are thrown as SalesforceError.
 */
export function restTransport(carrier: Carrier): RestTransport {
  return {
    httpRequest: (request, options = {}) =>
      Object.assign(sendText(carrier, request, options), {
        // Required by the type; responses are not piped.
        stream: () => new PassThrough(),
      }),
    getRequestStreamCreator: () => {
      throw new Error('requests have no streams');
    },
    open: (path, headers, signal) =>
      withSession(carrier, { method: 'GET', maxTries: 0, signal }, async (session) => {
        const url = new URL(path, session.instanceUrl);
        const response = await carrier.egress.open(url, { headers: withToken(headers, session), signal });
        countUsage(carrier, response.headers.get('sforce-limit-info'));
        if (response.ok) return response;
        const body = await readText(response, signal, maxRefusalBytes);
        const given = Object.fromEntries(response.headers);
        throw refusalWithin(
          carrier,
          restRefusal({ statusCode: response.status, headers: given, body }, url.href),
        );
      }),
  };
}

type Carrier = {
  readonly egress: Egress;
  readonly tokens: TokenSource;
  readonly clock: Pick<ClockDifference, 'observe'>;
  /** The requests of the org within 24 hours, by the last response. */
  usage(): Usage | undefined;
  onUsage(usage: Usage): void;
  /** Called with each failure, also of a try that is repeated, except those of class `data`. */
  onFailure(error: SalesforceError): void;
};

/** @throws SalesforceError */
async function sendText(
  carrier: Carrier,
  request: HttpRequest,
  { timeout = defaultTimeoutMs, retry }: HttpRequestOptions,
): Promise<HttpResponse> {
  const { method } = request;
  const maxTries = method === 'GET' ? (retry?.maxRetries ?? maxRetries) : 0;
  const signal = AbortSignal.timeout(timeout);
  try {
    return await withSession(carrier, { method, maxTries, signal }, (session) =>
      send(carrier, session, request, signal),
    );
  } catch (error) {
    if (!signal.aborted) throw error;
    const what = `${method} ${new URL(request.url).pathname}`;
    const late = new SalesforceError(
      `no answer to ${what} within ${timeout / 1000} s`,
      'TIMEOUT',
      'transient',
    );
    carrier.onFailure(late);
    throw late;
  }
}

type Exchange = { readonly method: string; readonly maxTries: number; readonly signal: AbortSignal };

/** @throws SalesforceError, or the reason of the signal */
async function withSession<T>(
  { tokens, onFailure }: Carrier,
  { method, maxTries, signal }: Exchange,
  exchange: (session: Session) => Promise<T>,
): Promise<T> {
  let session = await orAborted(tokens.current('rest'), signal);
  for (let failures = 0; ; ) {
    try {
      const answer = await exchange(session);
      tokens.accepted(session, 'rest');
      return answer;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = fromRestError(thrown);
      if (error.failure !== 'data') onFailure(error);
      if (error.failure === 'auth') {
        session = await orAborted(tokens.renew(session, 'rest', error), signal);
        continue;
      }
      const hasMoved = isHostFailure(error) && (await orAborted(tokens.checkAddress(session), signal));
      session = tokens.session ?? session;
      if (hasMoved && method === 'GET') continue;
      if (hasMoved) {
        const message = `the org has moved to ${session.instanceUrl}`;
        throw new SalesforceError(message, 'INSTANCE_MOVED', 'transient', { cause: error });
      }
      if (error.failure !== 'transient' || failures >= maxTries) throw error;
      failures++;
      const waitMs = Math.max(error.retryAfterMs ?? 0, backoffMs('transient', failures + 1, Math.random()));
      await pause(waitMs, undefined, { signal });
    }
  }
}

/** A sign-in is shared by all requests, so that one of them cannot abort it. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  await untilAborted(signal, work);
  signal.throwIfAborted();
  return work;
}

/** @throws SalesforceError, EgressError, or the reason of the signal */
async function send(
  carrier: Carrier,
  session: Session,
  request: HttpRequest,
  signal: AbortSignal,
): Promise<HttpResponse> {
  const { pathname, search } = new URL(request.url);
  const url = new URL(`${pathname}${search}`, session.instanceUrl);
  const sentAt = performance.now();
  const span = startClientSpan(request.method, {
    'http.request.method': request.method,
    'server.address': url.hostname,
    'url.path': pathname,
  });
  const sending = carrier.egress.send(url, {
    method: request.method,
    headers: withToken(request.headers, session),
    ...(typeof request.body === 'string' && { body: request.body }),
    signal,
  });
  const { status: statusCode, ...rest } = await sending.catch((error: unknown) => {
    endSpan(span, error);
    throw error;
  });
  span.setAttribute('http.response.status_code', statusCode);
  endSpan(span, statusCode >= 400 ? new Error(`HTTP status ${statusCode}`) : undefined);
  const answer = { statusCode, ...rest };
  carrier.clock.observe(answer.headers['date'], sentAt, performance.now());
  countUsage(carrier, answer.headers['sforce-limit-info']);
  if (statusCode >= 400) throw refusalWithin(carrier, restRefusal(answer, url.href));
  if (statusCode >= 300 && statusCode !== 304) throw badAnswer(`${url.host} redirects to another address`);
  if (statusCode !== 204 && (isHtml(answer.headers) || !looksComplete(answer))) {
    throw badAnswer(`the response is not JSON (${describeBody(answer.body)})`);
  }
  return answer;
}

/** Salesforce has also sent REQUEST_LIMIT_EXCEEDED for a moment while most requests were left. */
function refusalWithin({ usage }: Carrier, error: SalesforceError): SalesforceError {
  const { used, limit } = usage() ?? {};
  if (error.code !== 'REQUEST_LIMIT_EXCEEDED' || used === undefined || limit === undefined || used >= limit)
    return error;
  const message = `${error.message} (the org reports ${used} of ${limit} requests)`;
  return new SalesforceError(message, error.code, error.failure === 'quota' ? 'transient' : error.failure, {
    retryAfterMs: error.retryAfterMs,
    action:
      'Wait: Tidemark retries. The org has requests left; look for other clients with many requests at a time.',
  });
}

function withToken(headers: HttpRequest['headers'], { accessToken }: Session): Record<string, string> {
  return { ...headers, Authorization: `Bearer ${accessToken}` };
}

function countUsage({ onUsage }: Carrier, header: string | null | undefined): void {
  const usage = parseUsage(header);
  if (usage !== undefined) onUsage(usage);
}

/** Detects truncated JSON, which jsforce would return as text. */
function looksComplete({ headers, body }: HttpResponse): boolean {
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) return true;
  const first = /^\s*([[{])/.exec(body)?.[1];
  const last = body.trimEnd().at(-1);
  return (first === '{' && last === '}') || (first === '[' && last === ']');
}

/** Whether the host may not belong to the org any more: it failed, or did not respond with a Salesforce code. */
function isHostFailure({ failure, code }: SalesforceError): boolean {
  const isNetwork = code.startsWith('ERR_') || code.includes('CERT') || code === 'EPROTO';
  return failure === 'transient' || failure === 'unknown' || code.startsWith('ERROR_HTTP_') || isNetwork;
}

/** Parses the header `Sforce-Limit-Info`. */
export function parseUsage(header: string | null | undefined): Usage | undefined {
  const [, used, limit] = /api-usage=(\d+)\/(\d+)/.exec(header ?? '') ?? [];
  return used === undefined || limit === undefined ? undefined : { used: Number(used), limit: Number(limit) };
}
