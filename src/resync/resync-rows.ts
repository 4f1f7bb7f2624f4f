import type { Queryable } from '../db/database.ts';
import type { PrismaClient, Resync } from '../db/generated/client.ts';
import { storableJson } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import type { ResyncMode, ResyncScope } from './request-resync.ts';
import { activeStates, type Claim, runningStates, updateClaimed } from './resync-claim.ts';

export type ResyncRow = Pick<
  Resync,
  | keyof Claim
  | 'repairs'
  | 'reason'
  | 'accountIds'
  | 'fields'
  | 'since'
  | 'readAt'
  | 'watermark'
  | 'schemaId'
  | 'expected'
  | 'bulkAskedAt'
  | 'bulkJobId'
  | 'resumeAt'
  | 'resumeRows'
  | 'read'
> & {
  readonly scope: ResyncScope;
  readonly mode: ResyncMode;
  readonly method: 'rest' | 'bulk' | null;
};

const rowColumns = `id, claim, scope, mode, repairs, reason, account_ids as "accountIds", fields, since, method, read_at as "readAt",
  watermark, schema_id as "schemaId", expected, bulk_asked_at as "bulkAskedAt", bulk_job_id as "bulkJobId",
  resume_at as "resumeAt", resume_rows as "resumeRows", read`;

/** Claims a resync to start or to resume it; undefined if it is not active or does not exist. */
export async function startResync(client: Queryable, id: string): Promise<ResyncRow | undefined> {
  const { rows } = await client.query<ResyncRow>({
    name: 'start-resync',
    text: `update resyncs
              set state = case when state = 'queued' then 'reading' else state end,
                  started_at = coalesce(started_at, now()), error = null, cause = null, waiting = null, claim = claim + 1
            where id = $1 and state in ${activeStates}
            returning ${rowColumns}`,
    values: [id],
  });
  return rows[0];
}

export type ReadStart = {
  readonly readAt: Date;
  readonly watermark: string;
  readonly schemaId: string;
  readonly position: Buffer | null;
  readonly logPosition: bigint;
};

/**
 * Saves the start of a read and resets the results of an earlier one.
 * @throws ResyncEndedError
 */
export async function saveReadStart(client: Queryable, claim: Claim, start: ReadStart): Promise<void> {
  await updateClaimed(client, claim, {
    name: 'save-read-start',
    set: `read_at = $3, watermark = $4, schema_id = $5, position = $6, log_position = $7,
          read = 0, created = 0, updated = 0, unchanged = 0, kept = 0, deleted = 0, failed = 0,
          resume_at = null, resume_rows = 0, unknown_ids = '{}', not_visible = 0`,
    values: [start.readAt, start.watermark, start.schemaId, start.position, start.logPosition],
  });
}

/**
 * SQL that discards what a resync has read, so that it reads again from the start.
 * @param condition selects the row, in SQL
 * @param set assignments to the row
 */
export function resetSql(condition: string, set: string): string {
  return `with mine as (select id from resyncs where id = $1 and ${condition} for update),
               seen as (delete from resync_seen where resync_id in (select id from mine)),
               found as (delete from resync_differences where resync_id in (select id from mine))
          update resyncs
             set read = 0, read_at = null, method = null, bulk_asked_at = null, bulk_job_id = null, resume_at = null,
                 resume_rows = 0, ${set}
           where id in (select id from mine)`;
}

/** Makes the next try read from the start. */
export async function resetProgress(client: Queryable, { id, claim }: Claim): Promise<void> {
  await client.query({
    name: 'reset-progress',
    text: resetSql('claim = $2', `state = case when state = 'applying' then 'reading' else state end`),
    values: [id, claim],
  });
}

/** @throws ResyncEndedError */
export async function saveMethod(
  client: Queryable,
  claim: Claim,
  method: 'rest' | 'bulk',
  expected: number,
): Promise<void> {
  const set = 'method = $3, expected = $4';
  await updateClaimed(client, claim, { name: 'save-method', set, values: [method, expected] });
}

/**
 * Saves that a bulk job is requested: from now on one may exist whose id was not received.
 * @throws ResyncEndedError
 */
export async function saveBulkRequested(client: Queryable, claim: Claim): Promise<void> {
  await updateClaimed(client, claim, { name: 'save-bulk-requested', set: 'bulk_asked_at = now()' });
}

/** @throws ResyncEndedError */
export async function saveBulkJob(client: Queryable, claim: Claim, jobId: string): Promise<void> {
  const set = 'bulk_job_id = $3, bulk_job_closed_at = null';
  await updateClaimed(client, claim, { name: 'save-bulk-job', set, values: [jobId] });
}

export async function saveBulkJobClosed(client: Queryable, jobId: string): Promise<void> {
  await client.query({
    name: 'save-bulk-job-closed',
    text: 'update resyncs set bulk_job_closed_at = now() where bulk_job_id = $1 and bulk_job_closed_at is null',
    values: [jobId],
  });
}

/** Bulk jobs of resyncs that ended before all results were read. */
export async function readAbandonedBulkJobs(prisma: PrismaClient): Promise<string[]> {
  const rows = await prisma.resync.findMany({
    where: { bulkJobId: { not: null }, bulkJobClosedAt: null, state: { in: ['failed', 'cancelled'] } },
    select: { bulkJobId: true },
    take: 20,
  });
  return rows.flatMap(({ bulkJobId }) => bulkJobId ?? []);
}

export const noCounts = { read: 0, created: 0, updated: 0, unchanged: 0, kept: 0, deleted: 0, failed: 0 };

/** Numbers of records. `kept`: the mirror held a newer version; `failed`: the database refused the record. */
export type ResyncCounts = Readonly<typeof noCounts>;

/** Where a read resumes after an interruption. */
export type ResumePoint = { readonly at: string | null; readonly rows: number };

/** The read is complete. */
export const endOfRead = { at: 'end', rows: 0 } as const satisfies ResumePoint;

/**
 * Adds the counts of a batch, in the transaction of the batch.
 * @throws ResyncEndedError
 */
export async function saveProgress(
  client: Queryable,
  claim: Claim,
  counts: ResyncCounts,
  resume: ResumePoint,
): Promise<void> {
  const { read, created, updated, unchanged, kept, deleted, failed } = counts;
  await updateClaimed(client, claim, {
    name: 'save-progress',
    set: `state = 'applying', read = read + $3, created = created + $4, updated = updated + $5,
          unchanged = unchanged + $6, kept = kept + $7, deleted = deleted + $8, failed = failed + $9,
          resume_at = $10, resume_rows = $11, error = null, cause = null`,
    values: [read, created, updated, unchanged, kept, deleted, failed, resume.at, resume.rows],
    condition: `state in ${runningStates}`,
  });
  await sendWakeUp(client, 'resync');
}

export async function saveUnknownIds(client: Queryable, id: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'save-unknown-ids',
    text: 'update resyncs set unknown_ids = unknown_ids || $2::text[] where id = $1',
    values: [id, ids],
  });
}

/** Saves that the resync waits for API requests; undefined ends the wait. */
export async function saveBudgetWait(
  client: Queryable,
  { id, claim }: Claim,
  usage: ApiUsage | undefined,
): Promise<void> {
  const waiting = usage && { reason: 'api budget', since: new Date().toISOString(), ...usage };
  await client.query({
    name: 'save-budget-wait',
    text: 'update resyncs set waiting = $2 where id = $1 and claim = $3',
    values: [id, waiting === undefined ? null : storableJson(waiting), claim],
  });
}

/** Saves that the resync waits for the sign-in, and since when; undefined ends the wait. */
export async function saveSignInWait(
  client: Queryable,
  { id, claim }: Claim,
  error: SalesforceError | undefined,
): Promise<void> {
  const waiting = error && {
    reason: 'sign-in',
    code: error.code,
    message: error.message,
    action: error.action,
  };
  await client.query({
    name: 'save-sign-in-wait',
    text: `update resyncs set waiting = $2::jsonb || jsonb_build_object('since', coalesce(case waiting ->> 'reason' when 'sign-in' then waiting -> 'since' end, to_jsonb($4::text)))
            where id = $1 and claim = $3`,
    values: [id, waiting === undefined ? null : JSON.stringify(waiting), claim, new Date().toISOString()],
  });
}
