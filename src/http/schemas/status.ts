import { Type } from 'typebox';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import { healthMembers } from './health.ts';
import {
  AnyJson,
  Named,
  NullableInteger,
  NullableText,
  NullableTime,
  OneOf,
  OrNull,
  Time,
} from './values.ts';
import { WriteBackSchema } from './write-back.ts';

const Count = () => Type.Integer({ minimum: 0 });

export const SubscriptionSchema = Type.Object({
  topic: Type.String({ examples: ['/data/AccountChangeEvent'] }),
  organizationId: NullableText(),
  state: OneOf(['idle', 'connecting', 'streaming', 'waiting', 'stopped'], {
    description:
      '`waiting`: the stream is down and is opened again automatically. `stopped`: a person has to change something first; see `reasons`.',
  }),
  stateSince: NullableTime({
    description: 'Retries do not renew it: during an outage it is the first failure.',
  }),
  lastError: AnyJson({ description: 'Why the stream last broke; null if it never did.' }),
  lastEventAt: NullableTime(),
  lastKeepaliveAt: NullableTime(),
  position: NullableText({ description: 'Replay id after which delivery resumes, in base64.' }),
  loadedAt: NullableTime({ description: 'When the initial load was complete.' }),
  holder: OrNull(
    Type.Object({
      name: Type.String(),
      host: Type.String(),
      pid: Type.Integer(),
      since: NullableTime(),
      seenAt: NullableTime({ description: 'Its newest sign of life.' }),
    }),
    { description: 'The one process of all that follows the topic; null where none does.' },
  ),
  epoch: Type.String({
    pattern: '^\\d+$',
    description: 'Grows with each holder; what an earlier holder still writes has no effect.',
  }),
});

const Counts = Type.Object({
  accounts: Type.Object({
    active: Count(),
    deleted: Count(),
    stale: Count(),
    byCodeState: Type.Object({
      none: Count(),
      pending: Count(),
      written: Count(),
      confirmed: Count(),
      failed: Count(),
    }),
  }),
  incidents: Type.Object({ open: Count(), repairing: Count() }),
  events: Type.Object({ stored: Count(), applied: Count(), skipped: Count(), failed: Count() }),
  estimated: Type.Array(Type.String(), {
    description: 'Which of these counts are estimates of the database, since counting would take long.',
    examples: [['accounts.active', 'events.applied']],
  }),
});

const WriteBack = Type.Object({
  state: OneOf(['idle', 'running', 'waiting', 'paused'], {
    description:
      '`running`: codes are sent as they come. `waiting`: it goes on by itself, when the API allowance has room or Salesforce answers again. `paused`: a person has to change something, see `reason`. `idle`: no process is at it.',
  }),
  since: NullableTime(),
  reason: Type.Unsafe<{ code: string; message: string } | null>({
    type: ['object', 'null'],
    required: ['code', 'message'],
    properties: { code: { type: 'string' }, message: { type: 'string' } },
    description: 'Why it waits or is paused.',
  }),
  counts: Type.Object({ pending: Count(), written: Count(), confirmed: Count(), failed: Count() }),
  failures: Type.Array(
    Type.Object({
      code: Type.String(),
      count: Count(),
      message: Type.String({ description: 'Salesforce’s words for the newest of them.' }),
    }),
    { description: 'The causes of failed codes, the most frequent first, twenty at most.' },
  ),
  lastErrors: Type.Array(Named(WriteBackSchema), { description: 'The newest failed codes, five at most.' }),
  api: Type.Object(
    {
      used: NullableInteger(),
      max: NullableInteger(),
      reservePercent: NullableInteger({ description: 'The share that is left to others.' }),
      seenAt: NullableTime(),
    },
    { description: 'The daily API requests of the org, as Salesforce last said.' },
  ),
  backfill: Type.Unsafe<{
    seen: number;
    given: number;
    startedAt: string | null;
    finishedAt: string | null;
  } | null>({
    type: ['object', 'null'],
    required: ['seen', 'given', 'startedAt', 'finishedAt'],
    properties: {
      seen: { type: 'integer', description: 'Accounts without a code that were looked at.' },
      given: { type: 'integer', description: 'Accounts that got one.' },
      startedAt: NullableTime(),
      finishedAt: NullableTime(),
    },
    description:
      'How far codes have been given to accounts that were in the mirror already; null without it.',
  }),
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
    description: 'Whether what differed has been repaired, by the comparison itself or since.',
  }),
  verifiedThrough: NullableTime({
    description: 'The mirror equalled Salesforce up to this moment, apart from the differences.',
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
  waiting: AnyJson({ description: 'Why it does not go on at the moment; null if it does.' }),
});

const Replica = Type.Object({
  serves: Type.Boolean({
    description: 'Whether accounts and events are read from it; else they are read from the primary.',
  }),
  behindMilliseconds: NullableInteger({
    description: 'How far its reads may be behind at most; null while it does not answer.',
  }),
});

export const StatusSchema = Type.Object(
  {
    ...healthMembers,
    subscription: SubscriptionSchema,
    backlog: Type.Integer({ minimum: 0, description: 'Events that wait to be applied.' }),
    counts: Counts,
    replica: OrNull(Replica, {
      description: 'The read replica, as this process sees it; null without one.',
    }),
    writeBack: WriteBack,
    lastVerification: OrNull(Verification, {
      description: 'What the latest comparison with Salesforce found; null if there was none.',
    }),
    resyncs: Type.Array(OpenResync, { description: 'Those that have not ended, 20 at most.' }),
    lastErrors: Type.Array(FailedEvent, { description: 'The newest failed events, five at most.' }),
  },
  { $id: 'Status', description: 'How the mirror is doing.' },
);
