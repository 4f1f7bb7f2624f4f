import type pg from 'pg';
import { advisoryLocks } from '../db/advisory-locks.ts';
import type { Queryable } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { storableText } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { activeStates, openStates } from './resync-claim.ts';

export const resyncScopes = ['all', 'fields', 'since', 'accounts'] as const;
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

/**
 * - `all`: all records
 * - `fields`: some fields of all records
 * - `since`: the records that changed since a time, and those with given ids
 * - `accounts`: the records with given ids
 */
export type ResyncScope = (typeof resyncScopes)[number];

/**
 * - `repair`: merges what is read into the mirror
 * - `verify`: compares it with the mirror
 * - `sample`: compares counts, and what changed since the last comparison: a few calls for any number of accounts
 */
export type ResyncMode = (typeof resyncModes)[number];

export type ResyncRequest = {
  readonly scope: ResyncScope;
  readonly mode?: ResyncMode;
  /** For `verify` and `sample`: whether differences are repaired. */
  readonly repairs?: boolean;
  /** `initial`, `manual`, `schedule`, `gap`, `overflow`, `position lost`, … */
  readonly reason: string;
  readonly accountIds?: readonly string[];
  /** For scope `fields`: top-level fields. */
  readonly fields?: readonly string[];
  /** Requested texts that are no account ids, for display. */
  readonly invalidIds?: readonly string[];
  /** For scope `since`: reads what changed at or after this moment. */
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

// Beyond that, another repair is requested.
const maxRepairIds = 10_000;

/** The scopes of a pending repair that can include a request; one of all records includes every request. */
const mergeableScopes: Readonly<Record<ResyncScope, readonly ResyncScope[]>> = {
  all: ['all'],
  since: ['all', 'since', 'accounts'],
  accounts: ['all', 'since', 'accounts'],
  fields: ['all', 'fields'],
};

/**
 * Requests a repair that Tidemark needs. If one waits that has not begun to read, its range, ids or fields grow instead.
 * @returns the id of the resync
 */
export async function requestRepair(
  client: pg.PoolClient,
  enqueue: EnqueueResync,
  request: ResyncRequest,
): Promise<string> {
  const { scope, since = null, accountIds = [], fields = [] } = request;
  const { rows } = await client.query<{ id: string }>({
    name: 'extend-pending-repair',
    text: `with pending as (
             select id from resyncs
              where mode = 'repair' and state = 'queued' and read_at is null and requested_by is null
                and scope = any($1) and cardinality(account_ids) < ${maxRepairIds}
              order by scope <> 'all', created_at limit 1 for update)
           update resyncs r
              set scope = case when r.scope = 'accounts' then $2 else r.scope end,
                  since = case when r.scope = 'all' then r.since else least(r.since, $3) end,
                  account_ids = case when r.scope = 'all' then r.account_ids
                                     else array(select distinct unnest(r.account_ids || $4::text[]) order by 1) end,
                  fields = case when r.scope = 'all' then r.fields
                                else array(select distinct unnest(r.fields || $5::text[]) order by 1) end
             from pending p where r.id = p.id
            returning r.id`,
    values: [mergeableScopes[scope], scope, since, accountIds, fields],
  });
  return rows[0]?.id ?? requestResync(client, enqueue, request);
}

/** Inserts a resync without a job: the sweep enqueues one. @returns its id */
export async function insertResync(client: Queryable, request: ResyncRequest): Promise<string> {
  const { rows } = await client.query<{ id: string }>({
    name: 'request-resync',
    text: `insert into resyncs (scope, mode, repairs, reason, account_ids, invalid_ids, since, requested_by, fields)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id`,
    values: [
      request.scope,
      request.mode ?? 'repair',
      request.repairs ?? false,
      storableText(request.reason),
      request.accountIds ?? [],
      (request.invalidIds ?? []).map(storableText),
      request.since ?? null,
      request.requestedBy === undefined ? null : storableText(request.requestedBy),
      request.fields ?? [],
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the insert of a resync returned no id');
  return row.id;
}

export type OrderedResync = {
  readonly id: string;
  /** False if the id is that of an active resync of everything in the same mode. */
  readonly isNew: boolean;
};

/** Requests a resync unless one of everything in the same mode is active. The lock serializes concurrent orders. */
export async function orderResync(
  client: pg.PoolClient,
  enqueue: EnqueueResync,
  order: ResyncRequest,
): Promise<OrderedResync> {
  if (order.scope === 'all') {
    await client.query({
      name: 'lock-resync-orders',
      text: `select pg_advisory_xact_lock(${advisoryLocks.resyncOrders})`,
    });
    const activeId = await findActiveFullResync(client, order.mode ?? 'repair');
    if (activeId !== undefined) return { id: activeId, isNew: false };
  }
  return { id: await requestResync(client, enqueue, order), isNew: true };
}

async function findActiveFullResync(client: Queryable, mode: string): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>({
    name: 'active-full-resync',
    text: `select id from resyncs
            where scope = 'all' and mode = $1 and state in ${activeStates}
            order by created_at limit 1`,
    values: [mode],
  });
  return rows[0]?.id;
}

/**
 * Cancels a resync; its worker polls the state.
 * - `cancelled`: by this or an earlier call
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
    ${row}.reason in ('first position', 'sample differs widely', 'calculated fields')
    or ${row}.reason like 'too much differs%'))`;
}
