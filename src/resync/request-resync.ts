import type pg from 'pg';
import { advisoryLocks } from '../db/advisory-locks.ts';
import type { Queryable } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { storableText } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { activeStates, openStates } from './resync-claim.ts';

export const resyncScopes = ['all', 'since', 'accounts'] as const;
export const resyncModes = ['repair', 'verify', 'sample'] as const;
export const resyncStates = [
  'queued',
  'reading',
  'applying',
  'needs-confirmation',
  'done',
  'failed',
  'cancelled',
] as const;

export type ResyncScope = (typeof resyncScopes)[number];

/**
 * - `repair`: what is read is merged into the mirror
 * - `verify`: it is compared with the mirror
 * - `sample`: counts and what changed since the last comparison are compared, a few calls whatever the size
 */
export type ResyncMode = (typeof resyncModes)[number];

export type ResyncRequest = {
  readonly scope: ResyncScope;
  readonly mode?: ResyncMode;
  /** Verifies only: whether what differs is repaired in the end. */
  readonly repairs?: boolean;
  /** `initial`, `manual`, `schedule`, `gap`, `overflow`, `position lost`, … */
  readonly reason: string;
  readonly accountIds?: readonly string[];
  /** Asked for, and no account ids; kept to be shown. */
  readonly invalidIds?: readonly string[];
  /** Read what changed at or after this moment; scope `since` only. */
  readonly since?: Date;
  /** Name of the API key. */
  readonly requestedBy?: string;
};

/** Enqueues the job that runs a resync, in the transaction that wrote the row. */
export type EnqueueResync = Jobs['enqueueResync'];

/** Inserts a resync and enqueues its job. @returns its id */
export async function requestResync(
  client: pg.PoolClient,
  enqueue: EnqueueResync,
  request: ResyncRequest,
): Promise<string> {
  const id = await insertResync(client, request);
  await enqueue(client, { id, scope: request.scope });
  return id;
}

/** Inserts a resync without a job: the sweep enqueues one. @returns its id */
export async function insertResync(client: Queryable, request: ResyncRequest): Promise<string> {
  const { rows } = await client.query<{ id: string }>({
    name: 'request-resync',
    text: `insert into resyncs (scope, mode, repairs, reason, account_ids, invalid_ids, since, requested_by)
           values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`,
    values: [
      request.scope,
      request.mode ?? 'repair',
      request.repairs ?? false,
      storableText(request.reason),
      request.accountIds ?? [],
      (request.invalidIds ?? []).map(storableText),
      request.since ?? null,
      request.requestedBy === undefined ? null : storableText(request.requestedBy),
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the database did not answer the id of a new resync');
  return row.id;
}

export type OrderedResync = {
  readonly id: string;
  /** False where a reading of everything in this mode is under way already: that is the one. */
  readonly isNew: boolean;
};

/**
 * Puts a resync on record and enqueues its job, in the caller's transaction. Everything is read by one resync of a mode
 * at a time: of two that are asked for at once, the second gets the first.
 */
export async function orderResync(
  client: pg.PoolClient,
  enqueue: EnqueueResync,
  order: ResyncRequest,
): Promise<OrderedResync> {
  if (order.scope === 'all') {
    await lockOrdersOfAll(client);
    const running = await findRunningOfAll(client, order.mode ?? 'repair');
    if (running !== undefined) return { id: running, isNew: false };
  }
  return { id: await requestResync(client, enqueue, order), isNew: true };
}

async function lockOrdersOfAll(client: pg.PoolClient): Promise<void> {
  await client.query({
    name: 'lock-resync-orders',
    text: `select pg_advisory_xact_lock(${advisoryLocks.resyncOrders})`,
  });
}

async function findRunningOfAll(client: Queryable, mode: string): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>({
    name: 'running-resync-of-all',
    text: `select id from resyncs
            where scope = 'all' and mode = $1 and state in ${activeStates}
            order by created_at limit 1`,
    values: [mode],
  });
  return rows[0]?.id;
}

/**
 * Ends a resync that has not ended yet; its worker hears of it by the wake-up, or by the state when it looks.
 * - `cancelled`: it is, now or since an earlier call
 * - `ended`: it was done or failed before
 */
export async function cancelResync(
  client: pg.PoolClient,
  id: string,
): Promise<'cancelled' | 'ended' | 'unknown'> {
  const { rowCount } = await client.query({
    name: 'cancel-resync',
    text: `update resyncs set state = 'cancelled', finished_at = now(), waiting = null, next_look_at = null
            where id = $1 and state in ${openStates}`,
    values: [id],
  });
  if (rowCount === 1) {
    await sendWakeUp(client, 'resync');
    return 'cancelled';
  }
  const { rows } = await client.query<{ state: string }>({
    name: 'state-of-resync',
    text: 'select state from resyncs where id = $1',
    values: [id],
  });
  if (rows[0] === undefined) return 'unknown';
  return rows[0].state === 'cancelled' ? 'cancelled' : 'ended';
}

/** SQL: whether Tidemark requested the resync without an incident, so that only the sweep retries it. */
export function isOwnRepair(row: string): string {
  return `(${row}.requested_by is null and (
    ${row}.reason in ('first position', 'sample differs widely')
    or ${row}.reason like 'fields added%' or ${row}.reason like 'too much differs%'))`;
}
