import type { AskedRequest, FailureAnswer, HttpFailure, HttpFaults } from '../http/http-faults.ts';
import type { OAuthSwitches, RestSwitches } from './http-switches.ts';

/** The switches as the HTTP side asks them. */
export function httpFaults(rest: RestSwitches, oauth: OAuthSwitches): HttpFaults {
  return {
    failure(request) {
      if (isSignIn(request)) {
        const signIn = oauth.fail.strike();
        return signIn && (oauthRefusal(signIn.how) ?? failureOf(signIn.how, 5));
      }
      const failed = isRest(request) ? rest.fail.strike((which) => concerns(which, request)) : undefined;
      return failed && failureOf(failed.how, failed.retryAfterSeconds ?? 5);
    },
    delayMs(request) {
      if (isSignIn(request)) return oauth.slow.strike()?.delayMs ?? 0;
      if (!isRest(request)) return 0;
      return rest.slow.strike((which) => concerns(which, request))?.delayMs ?? 0;
    },
    pageSize: () => rest.smallPages.strike()?.records,
    replication: () => rest.replication.strike() ?? {},
    isResultEmpty: (soql) =>
      rest.emptyResults.strike((which) => which.soql === undefined || soql.includes(which.soql)) !==
      undefined,
    isLocatorExpired: () => rest.expiredLocators.strike() !== undefined,
  };
}

function isSignIn({ url }: AskedRequest): boolean {
  return url.startsWith('/services/oauth2/token');
}

function isRest({ url }: AskedRequest): boolean {
  return url.startsWith('/services/data');
}

function concerns(which: { method?: string; path?: string }, { method, url }: AskedRequest): boolean {
  return (
    (which.method === undefined || which.method === method) &&
    (which.path === undefined || readable(url).includes(which.path))
  );
}

/** Without escapes, so that a path can be named the way it reads. */
function readable(url: string): string {
  try {
    return decodeURIComponent(url.replaceAll('+', ' '));
  } catch {
    return url;
  }
}

function failureOf(how: string, retryAfterSeconds: number): HttpFailure {
  switch (how) {
    case 'no-answer':
    case 'cut-before':
    case 'cut-after':
    case 'truncated':
      return { kind: how };
    case 'session-expired':
      return restRefusal(401, 'INVALID_SESSION_ID', 'Session expired or invalid');
    case 'request-limit':
      return restRefusal(403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.');
    case 'not-found':
      return restRefusal(404, 'NOT_FOUND', 'The requested resource does not exist');
    case 'bad-gateway':
      return htmlPage(502, 'Bad Gateway');
    case 'unavailable':
      return {
        ...restRefusal(503, 'SERVER_UNAVAILABLE', 'The server is too busy'),
        headers: { 'retry-after': String(retryAfterSeconds) },
      };
    default:
      return restRefusal(500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred');
  }
}

function restRefusal(status: number, errorCode: string, message: string): FailureAnswer {
  return { kind: 'answer', status, headers: {}, body: [{ message, errorCode }] };
}

function htmlPage(status: number, title: string): FailureAnswer {
  const body = `<html><head><title>${status} ${title}</title></head><body><h1>${title}</h1></body></html>\n`;
  return { kind: 'answer', status, headers: { 'content-type': 'text/html' }, body };
}

function oauthRefusal(error: string): FailureAnswer | undefined {
  const description = OAUTH_ERRORS[error];
  if (description === undefined) return undefined;
  return { kind: 'answer', status: 400, headers: {}, body: { error, error_description: description } };
}

const OAUTH_ERRORS: Readonly<Record<string, string>> = {
  invalid_grant: 'authentication failure',
  invalid_client: 'invalid client credentials',
  invalid_client_id: 'client identifier invalid',
  inactive_user: 'user is inactive',
  inactive_org: 'organization is not active',
  rate_limit_exceeded: 'login rate exceeded',
};
