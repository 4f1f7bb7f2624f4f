import { PassThrough } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, HttpRequest, HttpRequestOptions, HttpResponse } from 'jsforce';
import { backoffMs } from './backoff.ts';
import type { ClockDifference } from './clock-difference.ts';
import { fromRestError, SalesforceError } from './error.ts';
import { describeBody, isHtml } from './response-body.ts';
import { restRefusal } from './rest-refusal.ts';
import type { Session } from './sign-in-state.ts';
import type { TokenSource } from './token-source.ts';

type Transport = Connection['_transport'];

export type Usage = { readonly used: number; readonly limit: number };

// Reading is repeated by itself a few times; a longer outage is for whoever asked.
const maxRepeats = 3;

/**
 * What carries the requests of a connection. Each goes to the address of the session in force, with its token: a refused
 * token is replaced and the request repeated; a failing host leads to a new sign-in, which tells the address of the org.
 * Anything but a proper answer is thrown as a SalesforceError.
 */
export function restTransport(
  http: Transport,
  tokens: TokenSource,
  onUsage: (usage: Usage) => void,
  clock: Pick<ClockDifference, 'observe'>,
): Transport {
  return {
    httpRequest: (request, options = {}) =>
      Object.assign(carryOut({ http, tokens, onUsage, clock }, request, options), {
        // For answers that are piped on; there are none here.
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
};

async function carryOut(
  carrier: Carrier,
  request: HttpRequest,
  options: HttpRequestOptions,
): Promise<HttpResponse> {
  const { tokens } = carrier;
  const maxTries = request.method === 'GET' ? (options.retry?.maxRetries ?? maxRepeats) : 0;
  let session = await tokens.current('rest');
  for (let failures = 0; ; ) {
    try {
      const answer = await send(carrier, session, request, options);
      tokens.accepted(session, 'rest');
      return answer;
    } catch (thrown) {
      const error = fromRestError(thrown);
      if (error.failure === 'auth') {
        session = await tokens.renew(session, 'rest', error);
        continue;
      }
      const hasMoved = isHostFailure(error) && (await tokens.checkAddress(session));
      session = tokens.session ?? session;
      if (hasMoved && request.method === 'GET') continue;
      if (hasMoved) throw moved(session, error);
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
  const asked = new URL(request.url);
  const url = new URL(`${asked.pathname}${asked.search}`, instanceUrl).href;
  const headers = { ...request.headers, Authorization: `Bearer ${accessToken}` };
  // A redirect could lead anywhere, and would carry the token there.
  const once = { ...options, followRedirect: false, retry: { maxRetries: 0 } };
  const sentAt = performance.now();
  const answer = await http.httpRequest({ ...request, url, headers }, once);
  clock.observe(answer.headers['date'], sentAt, performance.now());
  const usage = usageIn(answer.headers['sforce-limit-info']);
  if (usage !== undefined) onUsage(usage);
  if (answer.statusCode >= 400) throw restRefusal(answer, url);
  if (answer.statusCode >= 300 && answer.statusCode !== 304) {
    throw badAnswer(`${new URL(url).host} redirects to another address`);
  }
  if (answer.statusCode !== 204 && (isHtml(answer.headers) || !looksWhole(answer))) {
    throw badAnswer(`Salesforce answered with something else than JSON (${describeBody(answer.body)})`);
  }
  return answer;
}

/** Parsing is left to jsforce, which takes what it cannot parse for a text. An answer that was cut off ends early. */
function looksWhole({ headers, body }: HttpResponse): boolean {
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) return true;
  const first = /^\s*([[{])/.exec(body)?.[1];
  const last = body.trimEnd().at(-1);
  return (first === '{' && last === '}') || (first === '[' && last === ']');
}

function badAnswer(message: string): SalesforceError {
  return new SalesforceError(message, 'BAD_ANSWER', 'transient');
}

/** Whether the host may be none of the org any more: it failed, or what it said is none of Salesforce's codes. */
function isHostFailure({ failure, code }: SalesforceError): boolean {
  const isNetwork = code.startsWith('ERR_') || code.includes('CERT') || code === 'EPROTO';
  return failure === 'transient' || failure === 'unknown' || code.startsWith('ERROR_HTTP_') || isNetwork;
}

function moved({ instanceUrl }: Session, cause: SalesforceError): SalesforceError {
  return new SalesforceError(`the org has moved to ${instanceUrl}`, 'INSTANCE_MOVED', 'transient', { cause });
}

/** The header `Sforce-Limit-Info`. */
export function usageIn(header: string | null | undefined): Usage | undefined {
  const [, used, limit] = /api-usage=(\d+)\/(\d+)/.exec(header ?? '') ?? [];
  return used === undefined || limit === undefined ? undefined : { used: Number(used), limit: Number(limit) };
}
