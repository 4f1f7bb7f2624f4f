import { parseVersion, type Version, zeroVersion } from '../apply/version.ts';
import { columnsOf } from '../db/columns-of.ts';
import type { Queryable } from '../db/database.ts';
import type { PrismaClient, Subscription } from '../db/generated/client.ts';
import { expectHeld, type Lease } from '../db/lease.ts';
import { storableJson } from '../db/storable.ts';
import { wakeUpSql } from '../db/wake-up.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import type { Outage, OutageCause } from './outage.ts';

/**
 * - `idle`: no process subscribes to it
 * - `connecting`: the stream is being opened
 * - `streaming`: the stream works
 * - `waiting`: the stream is down; retries do not change the state
 * - `stopped`: the stream is down until an operator changes something
 */
export type SubscriptionState = 'idle' | 'connecting' | 'streaming' | 'waiting' | 'stopped';

const rowFields = [
  'organizationId',
  'replayId',
  'positionAt',
  'keepaliveReplayId',
  'startedAt',
  'loadedAt',
  'readThroughAt',
  'outageSince',
  'outageCause',
] as const satisfies (keyof Subscription)[];

export type SubscriptionRow = Omit<Pick<Subscription, (typeof rowFields)[number]>, 'outageCause'> & {
  readonly replayId: Buffer<ArrayBuffer> | null;
  readonly keepaliveReplayId: Buffer<ArrayBuffer> | null;
  readonly outageCause: OutageCause | null;
};

/** Reads the subscription of a topic, and creates it at the first start. */
export async function ensureSubscription(
  client: Queryable,
  topic: string,
  organizationId: string | null,
): Promise<SubscriptionRow> {
  await client.query({
    name: 'ensure-subscription',
    text: 'insert into subscriptions (topic, organization_id) values ($1, $2) on conflict (topic) do nothing',
    values: [topic, organizationId],
  });
  return readSubscription(client, topic);
}

export async function readSubscription(client: Queryable, topic: string): Promise<SubscriptionRow> {
  const { rows } = await client.query<SubscriptionRow>({
    name: 'read-subscription',
    text: `select ${columnsOf(rowFields)} from subscriptions where topic = $1`,
    values: [topic],
  });
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no subscription of ${topic}`);
  return row;
}

/** Whether the initial load of a topic is complete, so that the mirror can be served. */
export async function isLoaded(prisma: PrismaClient, topic: string): Promise<boolean> {
  return (await prisma.subscription.count({ where: { topic, loadedAt: { not: null } } })) === 1;
}

/** Reads the greatest version that was applied from a topic. Every read that is sent from now on contains it. */
export async function readWatermark(client: Queryable, topic: string): Promise<Version> {
  const { rows } = await client.query<{ watermark: string | null }>({
    name: 'read-watermark',
    text: 'select watermark from subscriptions where topic = $1',
    values: [topic],
  });
  const text = rows[0]?.watermark ?? null;
  return text === null ? zeroVersion : parseVersion(text);
}

/** @throws LeaseLostError */
export async function setSubscriptionState(
  client: Queryable,
  lease: Lease,
  state: SubscriptionState,
  error?: SalesforceError,
): Promise<void> {
  const lastError = error === undefined ? null : describeError(error);
  const set = await client.query({
    name: 'set-subscription-state',
    text: `update subscriptions
              set state = $2, state_since = case when state = $2 then state_since else now() end,
                  last_error = coalesce($3, last_error)
            where topic = $1 and epoch = $4`,
    values: [lease.topic, state, lastError === null ? null : storableJson(lastError), lease.epoch],
  });
  expectHeld(lease, set);
}

function describeError({ code, failure, message, setting, action }: SalesforceError): object {
  const at = new Date().toISOString();
  return { code, class: failure, message, ...(setting !== undefined && { setting }), action, at };
}

/**
 * Saves an outage of the stream. The state begins with the outage; retries do not change that.
 * @throws LeaseLostError
 */
export async function saveOutage(client: Queryable, lease: Lease, { since, cause }: Outage): Promise<void> {
  const { code, class: failure, message, action } = cause;
  const saved = await client.query({
    name: 'save-outage',
    // Uses the age, because the clocks of this process and the database may differ.
    text: `with s as (select coalesce(outage_since, now() - $5 * interval '1 millisecond') as since
                        from subscriptions where topic = $1)
           update subscriptions
              set state = $2, state_since = s.since, outage_since = s.since, outage_cause = $3, last_error = $4
             from s where topic = $1 and epoch = $6`,
    values: [
      lease.topic,
      cause.needsPerson ? 'stopped' : 'waiting',
      storableJson(cause),
      storableJson({ code, class: failure, message, action, at: new Date().toISOString() }),
      Math.max(0, Date.now() - since),
      lease.epoch,
    ],
  });
  expectHeld(lease, saved);
}

/**
 * Saves that the stream works, and ends an outage if there was one.
 * @param isCaughtUp whether no event is left on the bus
 * @throws LeaseLostError
 */
export async function endOutage(client: Queryable, lease: Lease, isCaughtUp: boolean): Promise<void> {
  const ended = await client.query({
    name: 'end-outage',
    text: `update subscriptions
              set state = 'streaming', state_since = case when state = 'streaming' then state_since else now() end,
                  outage_since = null, outage_cause = null, live_at = case when $3 then now() else live_at end
            where topic = $1 and epoch = $2`,
    values: [lease.topic, lease.epoch, isCaughtUp],
  });
  expectHeld(lease, ended);
}

/**
 * Clears positions that the event bus no longer knows.
 * @throws LeaseLostError
 */
export async function clearPosition(client: Queryable, lease: Lease): Promise<void> {
  const cleared = await client.query({
    name: 'clear-position',
    text: `update subscriptions set replay_id = null, keepalive_replay_id = null where topic = $1 and epoch = $2`,
    values: [lease.topic, lease.epoch],
  });
  expectHeld(lease, cleared);
}

/** Saves that the initial load has read all records. It is complete unless a record could not be stored. */
export async function markLoaded(client: Queryable, topic: string): Promise<void> {
  await client.query({
    name: 'mark-loaded',
    text: `update subscriptions
              set read_through_at = now(),
                  loaded_at = case when exists (select from failed_records) then loaded_at else now() end
            where topic = $1
           returning ${wakeUpSql('write-back')}`,
    values: [topic],
  });
}
