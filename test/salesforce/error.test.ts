import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import {
  type FailureClass,
  fromPubSub,
  fromRestError,
  refreshFailureText,
  restFailure,
  SalesforceError,
} from '../../src/salesforce/error.ts';

const prefix = 'sfdc.platform.eventbus.grpc.';

function serviceError(code: status, errorCode?: string): ServiceError {
  const metadata = new Metadata();
  if (errorCode !== undefined) metadata.set('error-code', errorCode);
  const details = 'Something is wrong. rpcId: 1';
  return Object.assign(new Error(`${code} ${details}`), { code, details, metadata });
}

const expected: Readonly<Record<FailureClass, readonly string[]>> = {
  transient: [
    'service.unavailable',
    'topic.api.unavailable',
    'schema.api.unavailable',
    'subscription.fetch.replay.repeated',
    'subscription.internal.error',
  ],
  auth: ['service.auth.error'],
  throttle: [
    'service.protection.triggered',
    'service.protection.stream.limit.triggered',
    'concurrent.client.limit.exceeded',
    'subscription.fetch.overflow',
  ],
  quota: ['subscription.limit.exceeded'],
  config: ['service.auth.headers.invalid', 'topic.not.found', 'topic.validation.empty'],
  permission: [
    'service.tenant.license',
    'topic.meta.permission',
    'schema.meta.permission',
    'subscription.topic.cannot.subscribe',
  ],
  // A replay id that is refused, for whatever reason, must not be sent again.
  data: ['subscription.fetch.replayid.corrupted', 'subscription.fetch.replayid.validation.failed'],
  bug: [
    'service.auth.refresh.invalid',
    'schema.validation.failed',
    'subscription.fetch.requested.events.invalid',
    'subscription.fetch.topic.mismatch',
    'subscription.fetch.request.invalid',
  ],
};
const codes = Object.entries(expected).flatMap(([failure, names]) =>
  names.map((name) => [name, failure] as const),
);

describe('errors of the Pub/Sub API', () => {
  it.each(codes)('the error code %s has the class %s, whatever its gRPC status', (name, failure) => {
    for (const code of [status.INTERNAL, status.INVALID_ARGUMENT, status.UNAUTHENTICATED, status.NOT_FOUND]) {
      expect(fromPubSub(serviceError(code, prefix + name))).toMatchObject({ code: name, failure });
    }
  });

  it.each([
    [status.UNAVAILABLE, 'transient', 'UNAVAILABLE'],
    [status.INTERNAL, 'transient', 'INTERNAL'],
    [status.CANCELLED, 'transient', 'CANCELLED'],
    [status.DEADLINE_EXCEEDED, 'transient', 'DEADLINE_EXCEEDED'],
    [status.UNAUTHENTICATED, 'auth', 'UNAUTHENTICATED'],
    [status.PERMISSION_DENIED, 'permission', 'PERMISSION_DENIED'],
    [status.RESOURCE_EXHAUSTED, 'throttle', 'RESOURCE_EXHAUSTED'],
    [status.NOT_FOUND, 'config', 'NOT_FOUND'],
    [status.UNIMPLEMENTED, 'config', 'UNIMPLEMENTED'],
  ])('an error without a code is classified by its status (%i is %s)', (code, failure, name) => {
    expect(fromPubSub(serviceError(code))).toMatchObject({ code: name, failure });
  });

  it('an unknown error code is classified by its status, and as transient if that says nothing', () => {
    const odd = `${prefix}something.new`;
    expect(fromPubSub(serviceError(status.INTERNAL, odd))).toMatchObject({
      code: 'something.new',
      failure: 'transient',
    });
    expect(fromPubSub(serviceError(status.PERMISSION_DENIED, odd)).failure).toBe('permission');
  });

  it('an error keeps the message of Salesforce and its cause', () => {
    const error = serviceError(status.INTERNAL, `${prefix}service.unavailable`);
    expect(fromPubSub(error)).toMatchObject({ message: error.details, cause: error });
  });
});

describe('errors of the REST API', () => {
  it.each<[string, FailureClass]>([
    ['INVALID_SESSION_ID', 'auth'],
    ['ERROR_HTTP_401', 'auth'],
    ['REQUEST_LIMIT_EXCEEDED', 'quota'],
    ['SERVER_UNAVAILABLE', 'transient'],
    ['QUERY_TIMEOUT', 'transient'],
    ['UNABLE_TO_LOCK_ROW', 'transient'],
    ['INVALID_QUERY_LOCATOR', 'transient'],
    ['API_DISABLED_FOR_ORG', 'permission'],
    ['INSUFFICIENT_ACCESS_OR_READONLY', 'permission'],
    ['ERROR_HTTP_403', 'permission'],
    ['INVALID_FIELD', 'config'],
    ['INVALID_TYPE', 'config'],
    ['ERROR_HTTP_404', 'config'],
    ['NOT_FOUND', 'data'],
    ['ENTITY_IS_DELETED', 'data'],
    ['MALFORMED_ID', 'data'],
    ['MALFORMED_QUERY', 'bug'],
    ['invalid_grant', 'config'],
    ['invalid_client', 'config'],
    ['invalid_client_id', 'config'],
    ['inactive_user', 'config'],
    ['rate_limit_exceeded', 'throttle'],
    ['ERROR_HTTP_503', 'transient'],
    ['ECONNRESET', 'transient'],
    ['something else', 'transient'],
  ])('the REST error %s has the class %s', (code, failure) => {
    expect(restFailure(code)).toBe(failure);
  });

  it('an error has its code from jsforce or from the network', () => {
    const named = Object.assign(new Error('authentication failure'), { name: 'invalid_grant' });
    const coded = Object.assign(new Error('no'), { name: 'Error', errorCode: 'QUERY_TIMEOUT' });
    const network = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const fetchFailed = new TypeError('fetch failed', { cause: network });
    expect([named, coded, network, fetchFailed].map((error) => fromRestError(error).code)).toEqual([
      'invalid_grant',
      'QUERY_TIMEOUT',
      'ECONNREFUSED',
      'ECONNREFUSED',
    ]);
    expect(fromRestError(fetchFailed).message).toBe('fetch failed: connect');
  });

  it('code and class survive jsforce, which keeps only the text of a refused refresh', () => {
    const refused = new SalesforceError('expired access/refresh token', 'invalid_grant', 'config');
    const thrown = new Error(`Unable to refresh session due to: ${refreshFailureText(refused)}`);
    expect(fromRestError(thrown)).toMatchObject({
      message: 'expired access/refresh token',
      code: 'invalid_grant',
      failure: 'config',
    });
  });

  it('an error is translated once', () => {
    const error = new SalesforceError('no', 'X', 'bug');
    expect(fromRestError(error)).toBe(error);
    expect(fromRestError('a text')).toMatchObject({ message: 'a text', failure: 'transient' });
  });
});
