import { Metadata, status } from '@grpc/grpc-js';

/** Why the Pub/Sub API refuses a call. */
export type PubSubFailure = {
  readonly status: status;
  /** `topic.not.found`; the prefix `sfdc.platform.eventbus.grpc.` is added on the wire. Null: none is sent. */
  readonly errorCode: string | null;
  readonly message: string;
};

/** The failure on the wire: the error code and the call in the trailers, the call also in the details. */
export function toServiceError(failure: PubSubFailure, rpc: RpcName, rpcId: string): PubSubServiceError {
  const metadata = new Metadata();
  if (failure.errorCode !== null) {
    metadata.set('error-code', `sfdc.platform.eventbus.grpc.${failure.errorCode}`);
  }
  metadata.set('rpc-id', rpcId);
  metadata.set('type', rpc);
  return { code: failure.status, details: `${failure.message} rpcId: ${rpcId}`, metadata };
}

/** A failure with an error code, by default with its status; INTERNAL for unknown codes. */
export function pubSubFailure(
  errorCode: string,
  code: status = ERROR_CODES[errorCode] ?? status.INTERNAL,
): PubSubFailure {
  return failure(code, errorCode, 'The simulator ended this call on request.');
}

/** Refusals without a fault. */
export const pubSubFailures = {
  headersMissing: failure(
    status.INVALID_ARGUMENT,
    'service.auth.headers.invalid',
    'The headers accesstoken, instanceurl and tenantid are all required.',
  ),
  notAuthenticated: failure(
    status.UNAUTHENTICATED,
    'service.auth.error',
    'The access token is expired or not valid for this org.',
  ),
  topicEmpty: failure(status.INVALID_ARGUMENT, 'topic.validation.empty', 'The topic name must not be empty.'),
  topicNotFound: failure(status.NOT_FOUND, 'topic.not.found', 'This org has no such topic.'),
  schemaInvalid: failure(
    status.INVALID_ARGUMENT,
    'schema.validation.failed',
    'The schema ID must name a known schema and must not be blank.',
  ),
  requestedEventsInvalid: failure(
    status.INVALID_ARGUMENT,
    'subscription.fetch.requested.events.invalid',
    'The number of requested events must be greater than 0.',
  ),
  topicMismatch: failure(
    status.INVALID_ARGUMENT,
    'subscription.fetch.topic.mismatch',
    'A later request names another topic than the first one.',
  ),
  replayIdCorrupted: failure(
    status.INVALID_ARGUMENT,
    'subscription.fetch.replayid.corrupted',
    'The replay ID is unknown or older than the retained events.',
  ),
  replayIdMissing: failure(
    status.INVALID_ARGUMENT,
    'subscription.fetch.replayid.validation.failed',
    'The replay preset CUSTOM needs a replay ID.',
  ),
  notImplemented: failure(status.UNIMPLEMENTED, null, 'The simulator does not offer this method.'),
} as const;

function failure(code: status, errorCode: string | null, message: string): PubSubFailure {
  return { status: code, errorCode, message };
}

/**
 * The error codes of the Pub/Sub API, without the prefix they share, and their gRPC status: as observed,
 * otherwise the most likely one. Source: "Handling Errors", Pub/Sub API guide.
 */
export const ERROR_CODES: Readonly<Record<string, status>> = {
  'service.unavailable': status.INTERNAL,
  'service.auth.error': status.UNAUTHENTICATED,
  'service.auth.headers.invalid': status.INVALID_ARGUMENT,
  'service.auth.refresh.invalid': status.INVALID_ARGUMENT,
  'service.protection.triggered': status.RESOURCE_EXHAUSTED,
  'service.protection.stream.limit.triggered': status.RESOURCE_EXHAUSTED,
  'service.tenant.license': status.PERMISSION_DENIED,
  'concurrent.client.limit.exceeded': status.RESOURCE_EXHAUSTED,
  'topic.not.found': status.NOT_FOUND,
  'topic.validation.empty': status.INVALID_ARGUMENT,
  'topic.meta.permission': status.PERMISSION_DENIED,
  'topic.api.unavailable': status.UNAVAILABLE,
  'schema.meta.permission': status.PERMISSION_DENIED,
  'schema.api.unavailable': status.UNAVAILABLE,
  'schema.validation.failed': status.INVALID_ARGUMENT,
  'subscription.topic.cannot.subscribe': status.PERMISSION_DENIED,
  'subscription.fetch.replayid.corrupted': status.INVALID_ARGUMENT,
  'subscription.fetch.replayid.validation.failed': status.INVALID_ARGUMENT,
  'subscription.fetch.replay.repeated': status.INTERNAL,
  'subscription.limit.exceeded': status.RESOURCE_EXHAUSTED,
  'subscription.fetch.overflow': status.RESOURCE_EXHAUSTED,
  'subscription.fetch.requested.events.invalid': status.INVALID_ARGUMENT,
  'subscription.fetch.topic.mismatch': status.INVALID_ARGUMENT,
  'subscription.fetch.request.invalid': status.INVALID_ARGUMENT,
  'subscription.internal.error': status.INTERNAL,
};

export type RpcName =
  | 'Subscribe'
  | 'GetSchema'
  | 'GetTopic'
  | 'Publish'
  | 'PublishStream'
  | 'ManagedSubscribe';

type PubSubServiceError = {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
};
