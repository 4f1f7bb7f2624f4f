import { Type } from 'typebox';
import type { FailureResponse, HttpFailure, HttpFaults, RequestTarget } from '../http/fault-hooks.ts';
import type { FieldDefinition, OrgRecord } from '../org/model.ts';
import { faultSwitch, type SwitchContext } from './fault.ts';
import { delayMs, frequency, recordIds } from './parameters.ts';

const CONNECTION_FAILURES = ['no-answer', 'cut-before', 'cut-after', 'truncated'] as const;
const SERVER_FAILURES = ['server-error', 'bad-gateway', 'unavailable', ...CONNECTION_FAILURES] as const;

/** Faults of REST requests. */
export function restSwitches(context: SwitchContext) {
  return {
    fail: faultSwitch(
      context,
      'Requests fail: they are refused, cut off before or after they are executed, or answered in part or never.',
      {
        how: Type.Enum(['session-expired', 'request-limit', 'not-enabled', 'not-found', ...SERVER_FAILURES]),
        retryAfterSeconds: Type.Optional(
          Type.Integer({ minimum: 0, description: 'of unavailable; 5 by default' }),
        ),
        ...WHICH,
        ...frequency,
      },
    ),
    slow: faultSwitch(context, 'Requests are delayed before they are executed.', {
      delayMs,
      ...WHICH,
      ...frequency,
    }),
    expiredLocators: faultSwitch(
      context,
      'The next page of a query is refused with INVALID_QUERY_LOCATOR.',
      frequency,
    ),
    replication: faultSwitch(
      context,
      'The lists of updated and deleted records are limited: by number of ids (EXCEEDED_ID_LIMIT), by the age of the deletion log, and by the last minutes, which are not covered yet.',
      {
        maxIds: Type.Optional(Type.Integer({ minimum: 0, description: '600,000 by default' })),
        deleteLogMinutes: Type.Optional(Type.Integer({ minimum: 1 })),
        openMinutes: Type.Optional(Type.Integer({ minimum: 1 })),
        ...frequency,
      },
    ),
    hiddenRecords: faultSwitch(
      context,
      'The integration user cannot see records: by default those of other owners, as without "View All". Reads and counts omit them without an error.',
      {
        recordIds,
        inDeleteLog: Type.Optional(
          Type.Boolean({
            description: 'getDeleted lists the deleted ones, as if purged from the recycle bin',
          }),
        ),
      },
    ),
    hiddenFields: faultSwitch(
      context,
      'The integration user cannot see fields, as without field-level security: describe omits them, reads and writes refuse them, and new events have no values of them.',
      { fields: Type.Array(Type.String({ minLength: 1 }), { minItems: 1 }) },
    ),
    emptyResults: faultSwitch(
      context,
      'A query for rows has an empty but valid result; counts are correct.',
      {
        soql: Type.Optional(Type.String({ minLength: 1, description: 'only queries that contain it' })),
        ...frequency,
      },
    ),
    smallPages: faultSwitch(context, 'Pages of queries have at most this number of records.', {
      records: Type.Integer({ minimum: 1, maximum: 2000 }),
      ...frequency,
    }),
  };
}

/** Faults of the token endpoint. */
export function oauthSwitches(context: SwitchContext) {
  const refusals = [
    'invalid_grant',
    'invalid_client',
    'invalid_client_id',
    'inactive_user',
    'inactive_org',
    'rate_limit_exceeded',
  ] as const;
  return {
    fail: faultSwitch(
      context,
      'Sign-ins fail: with an OAuth error, an error of the server, or no response.',
      {
        how: Type.Enum([...refusals, ...SERVER_FAILURES]),
        ...frequency,
      },
    ),
    slow: faultSwitch(context, 'Sign-ins are delayed.', { delayMs, ...frequency }),
  };
}

export function httpFaults(rest: RestSwitches, oauth: OAuthSwitches): HttpFaults {
  return {
    failure(request) {
      if (isSignIn(request)) {
        const signIn = oauth.fail.strike();
        return signIn && failureOf(signIn.how, 5);
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

/** Whether change events have the values of a field. */
export function isWithheldBy({
  hiddenFields,
}: Pick<RestSwitches, 'hiddenFields'>): (name: string) => boolean {
  return (name) => hiddenFields.all().some(({ fields }) => fields.includes(name));
}

/** Which records the integration user sees, and which deletions the log names. */
export function visibilityOf(
  { hiddenFields, hiddenRecords }: RestSwitches,
  integrationUserId: string,
): Visibility {
  const isWithheld = isWithheldBy({ hiddenFields });
  const hiding = ({ id, values }: OrgRecord) =>
    hiddenRecords
      .all()
      .filter((which) => which.recordIds?.includes(id) ?? values['OwnerId'] !== integrationUserId);
  return {
    isVisible: (record) => hiding(record).length === 0,
    isFieldVisible: ({ name }) => !isWithheld(name),
    isInDeleteLog: (record) => hiding(record).every(({ inDeleteLog }) => inDeleteLog === true),
  };
}

function isSignIn({ url }: RequestTarget): boolean {
  return url.startsWith('/services/oauth2/token');
}

function isRest({ url }: RequestTarget): boolean {
  return url.startsWith('/services/data');
}

function concerns(which: { method?: string; path?: string }, { method, url }: RequestTarget): boolean {
  return (
    (which.method === undefined || which.method === method) &&
    (which.path === undefined || unescaped(url).includes(which.path))
  );
}

function unescaped(url: string): string {
  try {
    return decodeURIComponent(url.replaceAll('+', ' '));
  } catch {
    return url;
  }
}

function failureOf(how: string, retryAfterSeconds: number): HttpFailure {
  const connectionFailure = CONNECTION_FAILURES.find((kind) => kind === how);
  if (connectionFailure !== undefined) return { kind: connectionFailure };
  const description = OAUTH_ERRORS[how];
  if (description !== undefined) return refusal(400, { error: how, error_description: description });
  if (how === 'bad-gateway') return refusal(502, BAD_GATEWAY, { 'content-type': 'text/html' });
  const [status, errorCode, message] = REST_ERRORS[how] ?? SERVER_ERROR;
  const headers = how === 'unavailable' ? { 'retry-after': String(retryAfterSeconds) } : {};
  return refusal(status, [{ message, errorCode }], headers);
}

function refusal(
  status: number,
  body: object | string,
  headers: Readonly<Record<string, string>> = {},
): FailureResponse {
  return { kind: 'response', status, headers, body };
}

type RestError = readonly [status: number, errorCode: string, message: string];
const SERVER_ERROR: RestError = [500, 'UNKNOWN_EXCEPTION', 'An unexpected error occurred'];
const REST_ERRORS: Readonly<Record<string, RestError>> = {
  'session-expired': [401, 'INVALID_SESSION_ID', 'Session expired or invalid'],
  'request-limit': [403, 'REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.'],
  'not-enabled': [403, 'FEATURENOTENABLED', 'The feature is not enabled for your organization or user type.'],
  'not-found': [404, 'NOT_FOUND', 'The requested resource does not exist'],
  unavailable: [503, 'SERVER_UNAVAILABLE', 'The server is too busy'],
};

const BAD_GATEWAY =
  '<html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>\n';

const OAUTH_ERRORS: Readonly<Record<string, string>> = {
  invalid_grant: 'authentication failure',
  invalid_client: 'invalid client credentials',
  invalid_client_id: 'client identifier invalid',
  inactive_user: 'user is inactive',
  inactive_org: 'organization is not active',
  rate_limit_exceeded: 'login rate exceeded',
};

const WHICH = {
  method: Type.Optional(Type.Enum(['GET', 'POST', 'PATCH', 'DELETE'])),
  path: Type.Optional(
    Type.String({ minLength: 1, description: 'only paths, including their query, that contain it' }),
  ),
};

type RestSwitches = ReturnType<typeof restSwitches>;
type OAuthSwitches = ReturnType<typeof oauthSwitches>;
export type Visibility = {
  isVisible(record: OrgRecord): boolean;
  isFieldVisible(field: FieldDefinition): boolean;
  isInDeleteLog(record: OrgRecord): boolean;
};
