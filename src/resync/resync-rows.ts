import type { Queryable } from '../db/database.ts';
import { storableJson, storableText } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import type { Cause } from '../health/facts.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import type { ResyncMode, ResyncScope } from './request-resync.ts';

/**
 * One try of a resync. A process that was paused while its job was given to another has an old one, and nothing that it
 * still writes takes effect.
 */
export type Claim = { readonly id: string; readonly claim: number };

/** It was cancelled, or another process goes on with it: what is under way must not take effect. */
export class ResyncEndedError extends Error {
  constructor() {
    super('the resync has ended already, or another process goes on with it');
    this.name = 'ResyncEndedError';
  }
}

export type ResyncRow = Claim & {
  readonly scope: ResyncScope;
  readonly mode: ResyncMode;
  readonly repairs: boolean;
  readonly reason: string;
  readonly accountIds: readonly string[];
  readonly since: Date | null;
  readonly method: 'rest' | 'bulk' | null;
  readonly readAt: Date | null;
  readonly watermark: string | null;
  readonly schemaId: string | null;
  /** The records that Salesforce counted; null until it has. */
  readonly expected: number | null;
  readonly bulkAskedAt: Date | null;
  readonly bulkJobId: string | null;
  readonly resumeAt: string | null;
  readonly resumeRows: number;
  /** Records that earlier tries have read. */
  readonly read: number;
};

const rowColumns = `id, claim, scope, mode, repairs, reason, account_ids as "accountIds", since, method, read_at as "readAt",
  watermark, schema_id as "schemaId", expected, bulk_asked_at as "bulkAskedAt", bulk_job_id as "bulkJobId",
  resume_at as "resumeAt", resume_rows as "resumeRows", read`;

/** A resync that is to be carried out or gone on with; undefined where it has ended or never was. */
export async function startResync(client: Queryable, id: string): Promise<ResyncRow | undefined> {
  const { rows } = await client.query<ResyncRow>({
    name: 'start-resync',
    text: `update resyncs
              set state = case when state = 'queued' then 'reading' else state end,
                  started_at = coalesce(started_at, now()), error = null, cause = null, waiting = null, claim = claim + 1
            where id = $1 and state in ('queued', 'reading', 'applying')
            returning ${rowColumns}`,
    values: [id],
  });
  return rows[0];
}

export type ReadingNote = {
  readonly readAt: Date;
  readonly watermark: string;
  readonly schemaId: string;
  readonly position: Buffer | null;
  readonly logPosition: bigint;
};

/**
 * A reading begins anew: nothing of an earlier one counts.
 * @throws ResyncEndedError
 */
export async function saveReadTime(client: Queryable, claim: Claim, note: ReadingNote): Promise<void> {
  const noted = await client.query({
    name: 'note-reading',
    text: `update resyncs
              set read_at = $2, watermark = $3, schema_id = $4, position = $5, log_position = $6,
                  read = 0, created = 0, updated = 0, unchanged = 0, kept = 0, deleted = 0, failed = 0,
                  resume_at = null, resume_rows = 0, unknown_ids = '{}', not_visible = 0
            where id = $1 and claim = $7`,
    values: [
      claim.id,
      note.readAt,
      note.watermark,
      note.schemaId,
      note.position,
      note.logPosition,
      claim.claim,
    ],
  });
  expectClaimed(noted);
}

/** What was read can't be gone on with: the next try begins anew. */
export async function resetProgress(client: Queryable, { id, claim }: Claim): Promise<void> {
  await client.query({
    name: 'forget-reading',
    text: `with mine as (select id from resyncs where id = $1 and claim = $2 for update),
                seen as (delete from resync_seen where resync_id in (select id from mine)),
                found as (delete from resync_differences where resync_id in (select id from mine))
           update resyncs
              set read = 0, read_at = null, method = null, bulk_asked_at = null, bulk_job_id = null, resume_at = null,
                  resume_rows = 0, state = case when state = 'applying' then 'reading' else state end
            where id in (select id from mine)`,
    values: [id, claim],
  });
}

/** @throws ResyncEndedError */
export async function saveMethod(
  client: Queryable,
  { id, claim }: Claim,
  method: 'rest' | 'bulk',
  expected: number,
): Promise<void> {
  const noted = await client.query({
    name: 'note-method',
    text: 'update resyncs set method = $2, expected = $3 where id = $1 and claim = $4',
    values: [id, method, expected, claim],
  });
  expectClaimed(noted);
}

/**
 * From now on a bulk job may exist whose id never came to us.
 * @throws ResyncEndedError
 */
export async function saveBulkRequested(client: Queryable, { id, claim }: Claim): Promise<void> {
  const noted = await client.query({
    name: 'note-bulk-asked',
    text: 'update resyncs set bulk_asked_at = now() where id = $1 and claim = $2',
    values: [id, claim],
  });
  expectClaimed(noted);
}

/** @throws ResyncEndedError */
export async function saveBulkJob(client: Queryable, { id, claim }: Claim, jobId: string): Promise<void> {
  const noted = await client.query({
    name: 'note-bulk-job',
    text: 'update resyncs set bulk_job_id = $2, bulk_job_closed_at = null where id = $1 and claim = $3',
    values: [id, jobId, claim],
  });
  expectClaimed(noted);
}

export async function saveBulkJobClosed(client: Queryable, jobId: string): Promise<void> {
  await client.query({
    name: 'note-bulk-job-closed',
    text: 'update resyncs set bulk_job_closed_at = now() where bulk_job_id = $1 and bulk_job_closed_at is null',
    values: [jobId],
  });
}

export type ResyncCounts = {
  readonly read: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly kept: number;
  readonly deleted: number;
  /** Records that the database refused. */
  readonly failed: number;
};

/** Where a reading goes on after an interruption. */
export type ResumePoint = { readonly at: string | null; readonly rows: number };

/** There is nothing to go on with. */
export const readToTheEnd = { at: 'end', rows: 0 } as const satisfies ResumePoint;

/**
 * Adds what a batch brought, in the transaction that brings it.
 * @returns whether the resync is still to go on; if not, the batch must not take effect
 */
export async function saveProgress(
  client: Queryable,
  { id, claim }: Claim,
  counts: ResyncCounts,
  resume: ResumePoint,
): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'note-progress',
    text: `update resyncs
              set state = 'applying', read = read + $2, created = created + $3, updated = updated + $4,
                  unchanged = unchanged + $5, kept = kept + $6, deleted = deleted + $7,
                  resume_at = $8, resume_rows = $9, failed = failed + $10, error = null, cause = null
            where id = $1 and claim = $11 and state in ('reading', 'applying')`,
    values: [
      id,
      counts.read,
      counts.created,
      counts.updated,
      counts.unchanged,
      counts.kept,
      counts.deleted,
      resume.at,
      resume.rows,
      counts.failed,
      claim,
    ],
  });
  await sendWakeUp(client, 'resync');
  return rowCount === 1;
}

export async function saveUnknownIds(client: Queryable, id: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'note-unknown-ids',
    text: 'update resyncs set unknown_ids = unknown_ids || $2::text[] where id = $1',
    values: [id, ids],
  });
}

/** It waits for the org's API requests, or goes on. */
export async function saveWaiting(
  client: Queryable,
  { id, claim }: Claim,
  usage: ApiUsage | undefined,
): Promise<void> {
  const waiting =
    usage === undefined ? null : { reason: 'api budget', since: new Date().toISOString(), ...usage };
  await client.query({
    name: 'note-waiting',
    text: 'update resyncs set waiting = $2 where id = $1 and claim = $3',
    values: [id, waiting === null ? null : storableJson(waiting), claim],
  });
}

/** Notes why a try failed; the job tries again until its last try. */
export async function saveResyncError(
  client: Queryable,
  { id, claim }: Claim,
  error: Cause,
  last: boolean,
): Promise<void> {
  await client.query({
    name: 'note-resync-error',
    text: `update resyncs set error = $2, cause = $5, waiting = null, state = case when $3 then 'failed' else state end,
                              finished_at = case when $3 then now() end
            where id = $1 and claim = $4 and state in ('queued', 'reading', 'applying')`,
    values: [id, storableText(error.message), last, claim, storableJson(error)],
  });
}

/** Whether it was cancelled, or another process goes on with it or has ended it. */
export async function isClaimLost(client: Queryable, { id, claim }: Claim): Promise<boolean> {
  const { rows } = await client.query<{ ended: boolean }>({
    name: 'resync-has-ended',
    text: `select claim <> $2 or state in ('done', 'failed', 'cancelled') as ended from resyncs where id = $1`,
    values: [id, claim],
  });
  return rows[0]?.ended ?? true;
}

/**
 * For a transaction whose statements name no claim: until its end nobody else goes on with the resync.
 * @throws ResyncEndedError
 */
export async function lockClaim(client: Queryable, { id, claim }: Claim): Promise<void> {
  const locked = await client.query({
    name: 'lock-claim',
    text: `select from resyncs where id = $1 and claim = $2 and state in ('reading', 'applying') for update`,
    values: [id, claim],
  });
  expectClaimed(locked);
}

/** @throws ResyncEndedError */
export function expectClaimed({ rowCount }: { readonly rowCount: number | null }): void {
  if (rowCount === 0) throw new ResyncEndedError();
}

/** Bulk jobs of resyncs that ended without reading them to the end: nobody wants their results any more. */
export async function bulkJobsLeftOver(client: Queryable): Promise<string[]> {
  const { rows } = await client.query<{ job: string }>({
    name: 'bulk-jobs-left-over',
    text: `select bulk_job_id as job from resyncs
            where bulk_job_id is not null and bulk_job_closed_at is null and state in ('failed', 'cancelled')
            limit 20`,
  });
  return rows.map(({ job }) => job);
}
