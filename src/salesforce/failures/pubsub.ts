import { status } from '@grpc/grpc-js';
import { type FailureRule, failureTable, type Judgment } from './rule.ts';

const checkTopic =
  'Set CDC_TOPIC to a topic that exists, and select the object in Setup → Change Data Capture.';
const grantTopic = 'Grant the integration user access to the object of CDC_TOPIC ("View All").';

/** Error codes of the Pub/Sub API without their common prefix. Source: "Handle Errors", Pub/Sub API guide. */
export const pubSubRules: readonly FailureRule[] = [
  {
    // `service.unavailable` has the status INTERNAL: the code decides.
    codes: [
      'service.unavailable',
      'topic.api.unavailable',
      'schema.api.unavailable',
      'subscription.fetch.replay.repeated',
      'subscription.internal.error',
    ],
    failure: 'transient',
  },
  { codes: ['service.auth.error'], failure: 'auth' },
  { codes: ['service.auth.headers.invalid'], failure: 'config' },
  {
    codes: [
      'service.protection.triggered',
      'service.protection.stream.limit.triggered',
      'subscription.fetch.overflow',
    ],
    failure: 'throttle',
  },
  {
    codes: ['concurrent.client.limit.exceeded'],
    failure: 'throttle',
    action: 'Stop other subscribers of this org: it has reached the limit of clients.',
  },
  {
    codes: ['subscription.limit.exceeded'],
    failure: 'quota',
    action:
      "Wait: the org's deliveries of change events within 24 hours are used up. Stop other subscribers, or buy more.",
  },
  {
    codes: ['service.tenant.license'],
    failure: 'permission',
    action: 'Ask Salesforce for a license that includes Change Data Capture and the Pub/Sub API.',
  },
  {
    codes: ['topic.not.found', 'topic.validation.empty'],
    failure: 'config',
    setting: 'CDC_TOPIC',
    action: checkTopic,
  },
  {
    codes: ['topic.meta.permission', 'schema.meta.permission', 'subscription.topic.cannot.subscribe'],
    failure: 'permission',
    setting: 'CDC_TOPIC',
    action: grantTopic,
  },
  // A refused replay id must not be sent again.
  {
    codes: ['subscription.fetch.replayid.corrupted', 'subscription.fetch.replayid.validation.failed'],
    failure: 'data',
  },
  {
    codes: [
      'service.auth.refresh.invalid',
      'schema.validation.failed',
      'subscription.fetch.requested.events.invalid',
      'subscription.fetch.topic.mismatch',
      'subscription.fetch.request.invalid',
    ],
    failure: 'bug',
  },
];

export const pubSubFailures = failureTable(pubSubRules);

const checkEndpoint = 'Set PUBSUB_ENDPOINT to the Pub/Sub API (api.pubsub.salesforce.com:7443).';

/** For errors without a code, or with an unknown one. */
export const grpcStatuses: ReadonlyMap<number, Judgment> = new Map([
  [status.CANCELLED, { failure: 'transient' }],
  [status.UNKNOWN, { failure: 'unknown' }],
  [status.INVALID_ARGUMENT, { failure: 'bug' }],
  [status.DEADLINE_EXCEEDED, { failure: 'transient', setting: 'PUBSUB_ENDPOINT' }],
  [status.NOT_FOUND, { failure: 'config', setting: 'CDC_TOPIC', action: checkTopic }],
  [status.ALREADY_EXISTS, { failure: 'unknown' }],
  [status.PERMISSION_DENIED, { failure: 'permission', setting: 'CDC_TOPIC', action: grantTopic }],
  [status.RESOURCE_EXHAUSTED, { failure: 'throttle' }],
  [status.FAILED_PRECONDITION, { failure: 'unknown' }],
  [status.ABORTED, { failure: 'transient' }],
  [status.OUT_OF_RANGE, { failure: 'unknown' }],
  [status.UNIMPLEMENTED, { failure: 'config', setting: 'PUBSUB_ENDPOINT', action: checkEndpoint }],
  [status.INTERNAL, { failure: 'transient' }],
  [
    status.UNAVAILABLE,
    {
      failure: 'transient',
      setting: 'PUBSUB_ENDPOINT',
      action: 'Check that PUBSUB_ENDPOINT can be reached from this machine; Tidemark retries automatically.',
    },
  ],
  [status.DATA_LOSS, { failure: 'transient' }],
  [status.UNAUTHENTICATED, { failure: 'auth' }],
]);
