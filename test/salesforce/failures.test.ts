import { describe, expect, it } from 'vitest';
import { settings } from '../../src/config/settings.ts';
import {
  type FailureClass,
  judgeOAuth,
  judgeRest,
  restError,
  SalesforceError,
} from '../../src/salesforce/error.ts';
import { apiRules } from '../../src/salesforce/failures/api.ts';
import { judgeStatus } from '../../src/salesforce/failures/http-status.ts';
import { networkRules } from '../../src/salesforce/failures/network.ts';
import { oauthRules } from '../../src/salesforce/failures/oauth.ts';
import { grpcStatuses, pubSubRules } from '../../src/salesforce/failures/pubsub.ts';
import { recordRules } from '../../src/salesforce/failures/record.ts';
import { defaultActions, type Judgment } from '../../src/salesforce/failures/rule.ts';

const tables = { apiRules, networkRules, oauthRules, pubSubRules, recordRules };
const statuses = Array.from({ length: 200 }, (_, index) => judgeStatus(400 + index)).flatMap((j) => j ?? []);
const judgments: readonly Judgment[] = [
  ...Object.values(tables).flat(),
  ...grpcStatuses.values(),
  ...statuses,
];

describe('the rules for failures', () => {
  it('each rule has a known class, an action and only settings that exist', () => {
    const known = new Set([...Object.keys(settings.properties), 'NODE_EXTRA_CA_CERTS']);
    for (const { failure, setting, action } of judgments) {
      const text = new SalesforceError('no', 'X', failure, { setting, action }).action;
      expect(text).toMatch(/^[A-Z].*\.$/);
      const named = text.match(/\b[A-Z]+_[A-Z_]+\b/g) ?? [];
      for (const name of [...named, ...(setting === undefined ? [] : [setting])]) {
        if (!name.endsWith('_')) expect(known, text).toContain(name);
      }
    }
    expect(judgments.length).toBeGreaterThan(80);
  });

  it.each(Object.entries(tables))(
    'the table %s has no rule that an earlier one makes unreachable',
    (_, rules) => {
      const decided = new Set<string>();
      for (const { codes, message } of rules) {
        for (const code of codes) {
          const key = code.replaceAll('_', '').toLowerCase();
          expect(decided.has(key), code).toBe(false);
          if (message === undefined) decided.add(key);
        }
      }
    },
  );

  it('each rule of the class config names the setting or a specific action', () => {
    const vague = judgments.filter(
      ({ failure, setting, action }) => failure === 'config' && setting === undefined && action === undefined,
    );
    // Its headers are made by us.
    expect(vague).toMatchObject([{ codes: ['service.auth.headers.invalid'] }]);
  });

  it('each rule of the class permission says which right to grant', () => {
    const vague = Object.values(tables)
      .flat()
      .filter(({ failure, action }) => failure === 'permission' && action === undefined);
    expect(vague).toEqual([]);
  });
});

describe('a refusal of the token endpoint', () => {
  it.each<[code: string, words: string, FailureClass, setting: string | undefined, action: RegExp]>([
    ['invalid_grant', 'user is inactive', 'permission', undefined, /Activate the integration user/],
    ['invalid_grant', 'inactive user', 'permission', undefined, /Activate the integration user/],
    ['inactive_user', 'user is inactive', 'permission', undefined, /Activate the integration user/],
    ['inactive_org', 'organization is not active', 'permission', undefined, /Reactivate the org/],
    ['invalid_grant', 'ip restricted', 'permission', undefined, /IP address/],
    ['invalid_grant', 'invalid login hours', 'permission', undefined, /login hours/],
    ['invalid_grant', 'Audience validation failed', 'config', 'SALESFORCE_JWT_AUDIENCE', /login\.salesforce/],
    ['invalid_grant', 'invalid audience', 'config', 'SALESFORCE_JWT_AUDIENCE', /My Domain/],
    [
      'invalid_grant',
      "user hasn't approved this consumer",
      'permission',
      'SALESFORCE_USERNAME',
      /pre-authorize/,
    ],
    ['invalid_grant', 'no client credentials user enabled', 'permission', undefined, /Run As user/],
    ['invalid_grant', 'request not supported on this domain', 'config', 'SALESFORCE_LOGIN_URL', /My Domain/],
    ['invalid_grant', 'expired assertion', 'config', undefined, /clock/],
    ['invalid_grant', 'assertion expires more than 5 minutes from now', 'config', undefined, /clock/],
    ['invalid_grant', 'invalid assertion', 'config', 'SALESFORCE_PRIVATE_KEY', /certificate/],
    ['invalid_grant', 'expired access/refresh token', 'permission', undefined, /Authorize the app/],
    ['invalid_grant', 'user is locked', 'permission', undefined, /Unlock/],
    ['invalid_grant', 'login rate exceeded', 'throttle', undefined, /limits the sign-ins/],
    ['invalid_grant', 'authentication failure', 'config', undefined, /login history/],
    ['invalid_client', 'invalid client credentials', 'config', 'SALESFORCE_CLIENT_SECRET', /secret/],
    ['invalid_client_id', 'client identifier invalid', 'config', 'SALESFORCE_CLIENT_ID', /consumer key/],
    ['invalid_app_access', 'user is not admin approved', 'permission', undefined, /approve it/],
    ['OAUTH_APP_BLOCKED', 'this app is blocked by admin', 'permission', undefined, /Unblock/],
    ['unsupported_grant_type', 'grant type not supported', 'config', 'SALESFORCE_CLIENT_ID', /flow/],
    ['rate_limit_exceeded', 'login rate exceeded', 'throttle', undefined, /limits the sign-ins/],
    ['server_error', 'unexpected', 'transient', undefined, /Wait/],
  ])('the OAuth error %s with "%s" has the class %s', (code, message, failure, setting, action) => {
    const judged = judgeOAuth({ code, message, status: 400 });
    const error = new SalesforceError(message, code, judged.failure, judged);
    expect(error).toMatchObject({ failure, setting });
    expect(error.action).toMatch(action);
  });

  it.each<[code: string, status: number | undefined, FailureClass]>([
    ['ERROR_HTTP_404', 404, 'config'],
    ['ERROR_HTTP_500', 500, 'transient'],
    ['ERROR_HTTP_503', 503, 'transient'],
    ['ERROR_HTTP_429', 429, 'throttle'],
    ['ECONNREFUSED', undefined, 'transient'],
    ['something_new', 400, 'bug'],
    ['something_new', 503, 'transient'],
    ['something_new', undefined, 'unknown'],
    ['ERROR_HTTP_401', 401, 'config'],
    ['ERROR_HTTP_403', 403, 'config'],
  ])(
    'the unknown OAuth error %s with HTTP status %s has the class %s and names the login host',
    (code, status, failure) => {
      const judged = judgeOAuth({ code, message: 'no', status });
      expect(judged.failure).toBe(failure);
      expect(judged.setting).toBe('SALESFORCE_LOGIN_URL');
    },
  );
});

describe('a refusal of the REST or Bulk API', () => {
  it.each<[code: string, FailureClass]>([
    ['INVALID_SESSION_ID', 'auth'],
    ['InvalidSessionId', 'auth'],
    ['Bad_OAuth_Token', 'auth'],
    ['ERROR_HTTP_401', 'auth'],
    ['ORG_NOT_OWNED_BY_INSTANCE', 'auth'],
    ['REQUEST_LIMIT_EXCEEDED', 'quota'],
    ['SERVER_UNAVAILABLE', 'transient'],
    ['QUERY_TIMEOUT', 'transient'],
    ['UNABLE_TO_LOCK_ROW', 'transient'],
    ['INVALID_QUERY_LOCATOR', 'transient'],
    ['ORG_IN_MAINTENANCE', 'transient'],
    ['INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE', 'transient'],
    ['API_DISABLED_FOR_ORG', 'permission'],
    ['FEATURENOTENABLED', 'permission'],
    ['FeatureNotEnabled', 'permission'],
    ['INSUFFICIENT_ACCESS_OR_READONLY', 'permission'],
    ['INVALID_TYPE', 'permission'],
    ['ERROR_HTTP_403', 'permission'],
    ['INVALID_FIELD', 'config'],
    ['UNSUPPORTED_API_VERSION', 'config'],
    ['ERROR_HTTP_404', 'config'],
    ['ERROR_HTTP_410', 'config'],
    ['CERT_HAS_EXPIRED', 'config'],
    ['NOT_FOUND', 'data'],
    ['ENTITY_IS_DELETED', 'data'],
    ['MALFORMED_ID', 'data'],
    ['MALFORMED_QUERY', 'bug'],
    ['FIELD_CUSTOM_VALIDATION_EXCEPTION', 'permission'],
    ['STORAGE_LIMIT_EXCEEDED', 'quota'],
    ['ERROR_HTTP_503', 'transient'],
    ['ECONNRESET', 'transient'],
    ['something else', 'unknown'],
  ])('the API error %s has the class %s', (code, failure) => {
    expect(judgeRest({ code, message: 'no' }).failure).toBe(failure);
  });

  it('too many concurrent requests and a used-up allowance are distinguished by the message', () => {
    const code = 'REQUEST_LIMIT_EXCEEDED';
    const concurrent = 'ConcurrentRequests (Concurrent API Requests) Limit exceeded.';
    expect(judgeRest({ code, message: concurrent }).failure).toBe('throttle');
    expect(judgeRest({ code, message: 'TotalRequests Limit exceeded.' }).failure).toBe('quota');
  });

  it('a token without the right to use the API is a missing permission, not an expired session', () => {
    const message = 'This session is not valid for use with the REST API';
    expect(judgeRest({ code: 'INVALID_SESSION_ID', message })).toMatchObject({
      failure: 'permission',
      action: expect.stringContaining('scope'),
    });
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', ''])(
    'the error code "%s" is classified by its HTTP status like any unknown code',
    (code) => {
      expect(judgeRest({ code, message: 'no', status: 503 }).failure).toBe('transient');
      expect(judgeRest({ code, message: 'no', status: 403 }).failure).toBe('permission');
      expect(judgeOAuth({ code, message: 'no', status: 500 }).failure).toBe('transient');
      expect(restError({ code, message: 'no' })).toMatchObject({
        failure: 'unknown',
        action: defaultActions.unknown,
      });
    },
  );

  it('an unknown code never has the class data, whatever its HTTP status', () => {
    for (let status = 100; status < 600; status++) {
      expect(judgeRest({ code: 'NEW_CODE', message: 'no', status }).failure).not.toBe('data');
    }
  });
});
