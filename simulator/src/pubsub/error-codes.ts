import { status } from '@grpc/grpc-js';

/**
 * The error codes of the Pub/Sub API, without the prefix they share, and their gRPC status: as seen where it was,
 * the likeliest one elsewhere. Source: "Handling Errors", Pub/Sub API guide.
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
