import type { Queryable } from '../db/database.ts';

export type ResyncRequest = {
  readonly scope: 'all' | 'since' | 'accounts';
  /** `initial`, `manual`, `gap`, `overflow`, `position lost`, … */
  readonly reason: string;
  readonly accountIds?: readonly string[];
  /** Read what changed at or after this moment; scope `since` only. */
  readonly since?: Date;
  /** Name of the API key. */
  readonly requestedBy?: string;
};

/** Puts a resync on record; the job that carries it out is enqueued in the same transaction. @returns its id */
export async function requestResync(client: Queryable, request: ResyncRequest): Promise<string> {
  const { rows } = await client.query<{ id: string }>({
    name: 'request-resync',
    text: `insert into resyncs (scope, reason, account_ids, since, requested_by) values ($1, $2, $3, $4, $5) returning id`,
    values: [
      request.scope,
      request.reason,
      request.accountIds ?? [],
      request.since ?? null,
      request.requestedBy ?? null,
    ],
  });
  const [row] = rows;
  if (row === undefined) throw new Error('the database did not answer the id of a new resync');
  return row.id;
}

export type ResyncRow = {
  readonly id: string;
  readonly scope: ResyncRequest['scope'];
  readonly reason: string;
  readonly accountIds: readonly string[];
  readonly since: Date | null;
};

/** A resync that is to be carried out; undefined where it has ended or never was. */
export async function startResync(
  client: Queryable,
  id: string,
  watermark: string,
): Promise<ResyncRow | undefined> {
  const { rows } = await client.query<ResyncRow>({
    name: 'start-resync',
    text: `update resyncs
              set state = 'reading', watermark = $2, started_at = now(), error = null,
                  read = 0, created = 0, updated = 0, unchanged = 0, deleted = 0, failed = 0
            where id = $1 and state in ('queued', 'reading', 'applying')
            returning id, scope, reason, account_ids as "accountIds", since`,
    values: [id, watermark],
  });
  return rows[0];
}

export type ResyncCounts = {
  readonly read: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly deleted: number;
};

/** Adds to the counts of a resync that is under way. */
export async function countResync(client: Queryable, id: string, counts: ResyncCounts): Promise<void> {
  await client.query({
    name: 'count-resync',
    text: `update resyncs set read = read + $2, created = created + $3, updated = updated + $4,
                              unchanged = unchanged + $5, deleted = deleted + $6 where id = $1`,
    values: [id, counts.read, counts.created, counts.updated, counts.unchanged, counts.deleted],
  });
}

export async function finishResync(client: Queryable, id: string): Promise<void> {
  await client.query({
    name: 'finish-resync',
    text: `update resyncs set state = 'done', finished_at = now() where id = $1`,
    values: [id],
  });
}

/** Notes why a try failed; the job tries again until its last try. */
export async function noteResyncError(
  client: Queryable,
  id: string,
  error: string,
  last: boolean,
): Promise<void> {
  await client.query({
    name: 'note-resync-error',
    text: `update resyncs set error = $2, state = case when $3 then 'failed' else state end,
                              finished_at = case when $3 then now() end where id = $1`,
    values: [id, error, last],
  });
}
