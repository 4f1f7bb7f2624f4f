import { Type } from 'typebox';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import { healthMembers } from './health.ts';
import { FreshnessSchema } from './system.ts';
import {
  AnyJson,
  Count,
  Named,
  NullableInteger,
  NullableObject,
  NullableText,
  NullableTime,
  OneOf,
  OrNull,
  Time,
} from './values.ts';
import { WriteBackSchema } from './write-back.ts';

export const SubscriptionSchema = Type.Object({
  topic: Type.String({ examples: ['/data/AccountChangeEvent'] }),
  organizationId: NullableText(),
  state: OneOf(['idle', 'connecting', 'streaming', 'waiting', 'stopped'], {
    description:
      '`waiting`: the stream is down and reconnects automatically. `stopped`: an operator has to act first; see `reasons`.',
  }),
  stateSince: NullableTime({
    description: 'During an outage, the time of the first failure: retries do not change it.',
  }),
  lastError: AnyJson({ description: 'The last error of the stream; null if there was none.' }),
  lastEventAt: NullableTime(),
  lastKeepaliveAt: NullableTime(),
  position: NullableText({ description: 'Replay id after which delivery resumes, in base64.' }),
  loadedAt: NullableTime({ description: 'When the initial load completed.' }),
  holder: OrNull(
    Type.Object({
      name: Type.String(),
      host: Type.String(),
      pid: Type.Integer(),
      since: NullableTime(),
      seenAt: NullableTime({ description: 'The time of its last heartbeat.' }),
    }),
    { description: 'The process that follows the topic; null if there is none.' },
  ),
  epoch: Type.String({
    pattern: '^\\d+$',
    description: 'Increases with each holder; writes of earlier holders are rejected.',
  }),
});

const Counts = Type.Object({
  accounts: Type.Object({
    active: Count(),
    deleted: Count(),
    stale: Count('Including deleted accounts.'),
    byCodeState: Type.Object(
      { none: Count(), pending: Count(), written: Count(), confirmed: Count(), failed: Count() },
      { description: 'Active accounts: `GET /v1/accounts?codeState=` lists them.' },
    ),
  }),
  incidents: Type.Object({ open: Count(), repairing: Count() }),
  events: Type.Object({
    stored: Count(),
    applied: Count(),
    skipped: Count(),
    failed: Count(),
    repaired: Count(),
    dismissed: Count(),
  }),
  estimated: Type.Array(Type.String(), {
    description:
      'The counts that are estimates of PostgreSQL, because an exact count would be slow. Exact counts of many rows are up to five seconds old.',
    examples: [['accounts.active', 'events.applied']],
  }),
});

const WriteBack = Type.Object({
  state: OneOf(['idle', 'running', 'waiting', 'paused'], {
    description:
      '`running`: codes are sent. `waiting`: continues automatically when the API budget allows it or Salesforce is available again. `paused`: an operator has to act, see `reason`. `idle`: no process writes codes.',
  }),
  since: NullableTime(),
  reason: NullableObject(
    { code: Type.String(), message: Type.String() },
    'Why the write-back is waiting or paused.',
  ),
  counts: Type.Object(
    { pending: Count(), written: Count(), confirmed: Count(), failed: Count() },
    {
      description: 'Codes of active accounts: `GET /v1/write-backs?state=` lists all but the confirmed ones.',
    },
  ),
  failures: Type.Array(
    Type.Object({
      code: Type.String(),
      count: Count(),
      message: Type.String({ description: 'The message of Salesforce for the newest failure.' }),
    }),
    { description: 'The errors of failed codes, the most frequent first, at most 20.' },
  ),
  lastErrors: Type.Array(Named(WriteBackSchema), { description: 'The newest failed codes, at most 5.' }),
  api: Type.Object(
    {
      used: NullableInteger(),
      max: NullableInteger(),
      reservePercent: NullableInteger({ description: 'The share reserved for other applications.' }),
      seenAt: NullableTime(),
    },
    { description: 'The daily API requests of the org, as last reported by Salesforce.' },
  ),
  backfill: NullableObject(
    {
      seen: Type.Integer({ description: 'Scanned accounts without a code.' }),
      given: Type.Integer({ description: 'Accounts that were assigned a code.' }),
      startedAt: NullableTime(),
      finishedAt: NullableTime(),
    },
    'Progress of assigning codes to existing accounts; null without a backfill.',
  ),
});

const FailedEvent = Type.Object({
  id: Type.String(),
  eventId: Type.String(),
  receivedAt: Type.String({ format: 'date-time' }),
  error: NullableText(),
});

const Verification = Type.Object({
  resyncId: Type.String({ format: 'uuid' }),
  mode: OneOf(resyncModes),
  compared: Count(),
  different: Count(),
  repaired: Type.Boolean({
    description: 'Whether the differences have been repaired.',
  }),
  verifiedThrough: NullableTime({
    description: 'The mirror equaled Salesforce up to this time, except for the differences.',
  }),
  at: Time(),
});

const OpenResync = Type.Object({
  id: Type.String({ format: 'uuid' }),
  scope: OneOf(resyncScopes),
  mode: OneOf(resyncModes),
  reason: Type.String(),
  state: OneOf(resyncStates),
  read: Count(),
  expected: NullableInteger(),
  percent: NullableInteger(),
  waiting: AnyJson({ description: 'Why the resync is waiting; null if it is not.' }),
});

const CalculatedFields = Type.Object(
  {
    names: Type.Array(Type.String(), { examples: [['Score__c']] }),
    refreshedAt: NullableTime({
      description:
        'The time of the last complete read: their values are from then or later; null before the first.',
    }),
  },
  {
    description:
      'The mirrored formula, roll-up and other calculated fields (`CALCULATED_FIELDS`). They change in Salesforce without events and are read on a schedule.',
  },
);

const UnreadableField = Type.Object({ name: Type.String(), since: Time() });

const UnmirroredField = Type.Object({
  name: Type.String(),
  reason: OneOf(['calculated', 'not in events', 'not readable']),
});

const Replica = Type.Object({
  serves: Type.Boolean({
    description: 'Whether accounts and events are read from the replica instead of the primary.',
  }),
  behindMilliseconds: NullableInteger({
    description: 'The maximum replication lag of reads; null if the replica does not respond.',
  }),
});

export const StatusSchema = Type.Object(
  {
    ...healthMembers,
    freshness: FreshnessSchema,
    salesforceUrl: NullableText({
      description: 'The address of the org; null while this process is not signed in.',
      examples: ['https://example.my.salesforce.com'],
    }),
    subscription: SubscriptionSchema,
    backlog: Count('Events waiting to be applied.'),
    counts: Counts,
    replica: OrNull(Replica, {
      description: 'The read replica, as seen by this process; null without a replica.',
    }),
    writeBack: WriteBack,
    lastVerification: OrNull(Verification, {
      description: 'The result of the last verification; null if there was none.',
    }),
    calculatedFields: CalculatedFields,
    unreadableFields: Type.Array(UnreadableField, {
      description:
        'Fields that were deleted in Salesforce or hidden from the user: the last values are kept.',
    }),
    unmirroredFields: Type.Array(UnmirroredField, {
      description:
        'Fields of Account that are not mirrored. `calculated`: the value changes without events, and `CALCULATED_FIELDS` does not select the field. `not in events`: change events do not carry it. `not readable`: the integration user cannot see it.',
    }),
    resyncs: Type.Array(OpenResync, { description: 'Unfinished resyncs, at most 20.' }),
    lastErrors: Type.Array(FailedEvent, { description: 'The newest failed events, at most 5.' }),
  },
  { $id: 'Status', description: 'The state of the mirror.' },
);
