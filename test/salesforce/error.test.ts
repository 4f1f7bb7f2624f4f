import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { type FailureClass, fromPubSub, fromRestError, SalesforceError } from '../../src/salesforce/error.ts';

const prefix = 'sfdc.platform.eventbus.grpc.';

function serviceError(
  code: status,
  errorCode?: string,
  details = 'Something is wrong. rpcId: 1',
): ServiceError {
  const metadata = new Metadata();
  if (errorCode !== undefined) metadata.set('error-code', errorCode);
  return Object.assign(new Error(`${code} ${details}`), { code, details, metadata });
}

const expected: Readonly<Record<Exclude<FailureClass, 'unknown'>, readonly string[]>> = {
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
  data: [
    'subscription.fetch.replayid.corrupted',
    'subscription.fetch.replayid.validation.failed',
    'subscription.fetch.replayid.of.a.new.kind',
  ],
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
    [status.INVALID_ARGUMENT, 'bug', 'INVALID_ARGUMENT'],
    [status.UNKNOWN, 'unknown', 'UNKNOWN'],
  ])('an error without a code is classified by its gRPC status (%i is %s)', (code, failure, name) => {
    expect(fromPubSub(serviceError(code))).toMatchObject({ code: name, failure });
  });

  it('an unknown error code is classified by its gRPC status, and reported as unknown if that says nothing', () => {
    const odd = `${prefix}something.new`;
    expect(fromPubSub(serviceError(status.INTERNAL, odd))).toMatchObject({
      code: 'something.new',
      failure: 'transient',
    });
    expect(fromPubSub(serviceError(status.PERMISSION_DENIED, odd)).failure).toBe('permission');
    const unheardOf = fromPubSub(serviceError(status.FAILED_PRECONDITION, odd));
    expect(unheardOf).toMatchObject({ failure: 'unknown', action: expect.stringContaining('Report') });
  });

  it('an error about the certificate of the endpoint names the setting for certificates', () => {
    const words = 'No connection established. Last error: self-signed certificate in certificate chain';
    expect(fromPubSub(serviceError(status.UNAVAILABLE, undefined, words))).toMatchObject({
      failure: 'config',
      setting: 'PUBSUB_CA_FILE',
    });
  });

  it('an error keeps the message of Salesforce and its cause', () => {
    const error = serviceError(status.INTERNAL, `${prefix}service.unavailable`);
    expect(fromPubSub(error)).toMatchObject({ message: error.details, cause: error });
  });
});

describe('errors that are not ours', () => {
  it('an error has its code from jsforce or from the network', () => {
    const named = Object.assign(new Error('authentication failure'), { name: 'invalid_grant' });
    const coded = Object.assign(new Error('no'), { name: 'Error', errorCode: 'QUERY_TIMEOUT' });
    const network = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    expect([named, coded, network].map((error) => fromRestError(error).code)).toEqual([
      'invalid_grant',
      'QUERY_TIMEOUT',
      'ECONNREFUSED',
    ]);
  });

  it('an error is translated once', () => {
    const error = new SalesforceError('no', 'X', 'bug');
    expect(fromRestError(error)).toBe(error);
  });

  it('an error of our own code is unknown, not transient', () => {
    expect(fromRestError(new TypeError('Cannot read properties of undefined'))).toMatchObject({
      code: 'TypeError',
      failure: 'unknown',
    });
    expect(fromRestError('a text')).toMatchObject({ message: 'a text', failure: 'unknown' });
  });
});
