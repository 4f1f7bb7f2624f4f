import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, HttpRequest, HttpRequestOptions, HttpResponse } from 'jsforce';
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

// Retries of a GET; callers handle longer outages.
const maxRetries = 3;

/**
 * Transport of a jsforce connection. Requests use the address and the token of the current session. A refused token is
 * replaced and the request repeated; after a failure of the host, a new sign-in returns the current address of the org.
 * Invalid responses are thrown as SalesforceError.
 */
export function restTransport(carrier: Carrier): Transport {
  const { http } = carrier;
  return {
    httpRequest: (request, options = {}) =>
      Object.assign(sendWithRetry(carrier, request, options), {
        // Required by the type; responses are not piped.
        stream: () => new PassThrough(),
      }),
    getRequestStreamCreator: () => http.getRequestStreamCreator(),
  };
}

type Carrier = {
  readonly http: Transport;
  readonly tokens: TokenSource;
  readonly clock: Pick<ClockDifference, 'observe'>;
  onUsage(usage: Usage): void;
  /** Called with each failure, also of a try that is repeated, except those of class `data`. */
  onFailure(error: SalesforceError): void;
};

async function sendWithRetry(
  carrier: Carrier,
  request: HttpRequest,
  options: HttpRequestOptions,
): Promise<HttpResponse> {
  const { tokens } = carrier;
  const maxTries = request.method === 'GET' ? (options.retry?.maxRetries ?? maxRetries) : 0;
  let session = await tokens.current('rest');
  for (let failures = 0; ; ) {
    try {
      const answer = await send(carrier, session, request, options);
      tokens.accepted(session, 'rest');
      return answer;
    } catch (thrown) {
      const error = fromRestError(thrown);
      if (error.failure !== 'data') carrier.onFailure(error);
      if (error.failure === 'auth') {
        session = await tokens.renew(session, 'rest', error);
        continue;
      }
      const hasMoved = isHostFailure(error) && (await tokens.checkAddress(session));
      session = tokens.session ?? session;
      if (hasMoved && request.method === 'GET') continue;
      if (hasMoved) {
        const message = `the org has moved to ${session.instanceUrl}`;
        throw new SalesforceError(message, 'INSTANCE_MOVED', 'transient', { cause: error });
      }
      if (error.failure !== 'transient' || failures >= maxTries) throw error;
      failures++;
      await pause(Math.max(error.retryAfterMs ?? 0, backoffMs('transient', failures + 1, Math.random())));
    }
  }
}

/** @throws SalesforceError, or what the network threw */
async function send(
  { http, onUsage, clock }: Carrier,
  { accessToken, instanceUrl }: Session,
  request: HttpRequest,
  options: HttpRequestOptions,
): Promise<HttpResponse> {
  const { pathname, search } = new URL(request.url);
  const url = new URL(`${pathname}${search}`, instanceUrl).href;
  const headers = { ...request.headers, Authorization: `Bearer ${accessToken}` };
  // A redirect would send the token to another host.
  const singleTry = { ...options, followRedirect: false, retry: { maxRetries: 0 } };
  const sentAt = performance.now();
  const span = startClientSpan(request.method, {
    'http.request.method': request.method,
    'server.address': new URL(url).hostname,
    'url.path': pathname,
  });
  const answer = await http.httpRequest({ ...request, url, headers }, singleTry).catch((error: unknown) => {
    endSpan(span, error);
    throw error;
  });
  span.setAttribute('http.response.status_code', answer.statusCode);
  endSpan(span, answer.statusCode >= 400 ? new Error(`HTTP status ${answer.statusCode}`) : undefined);
  clock.observe(answer.headers['date'], sentAt, performance.now());
  const usage = parseUsage(answer.headers['sforce-limit-info']);
  if (usage !== undefined) onUsage(usage);
  if (answer.statusCode >= 400) throw restRefusal(answer, url);
  if (answer.statusCode >= 300 && answer.statusCode !== 304) {
    throw badAnswer(`${new URL(url).host} redirects to another address`);
  }
  if (answer.statusCode !== 204 && (isHtml(answer.headers) || !looksComplete(answer))) {
    throw badAnswer(`the response is not JSON (${describeBody(answer.body)})`);
  }
  return answer;
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
