import { columnsOf } from '../db/columns-of.ts';
import type { Queryable } from '../db/database.ts';
import { Prisma, type PrismaClient, type Resync } from '../db/generated/client.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import type { ResyncMode, ResyncScope } from './request-resync.ts';
import { activeStates, type Claim, expectClaimed, runningStates, updateClaimed } from './resync-claim.ts';

const rowFields = [
  'id',
  'claim',
  'scope',
  'mode',
  'repairs',
  'reason',
  'accountIds',
  'fields',
  'since',
  'method',
  'readAt',
  'watermark',
  'schemaId',
  'expected',
  'bulkAskedAt',
  'bulkJobId',
  'resumeAt',
  'resumeRows',
  'read',
] as const satisfies (keyof Resync)[];

export type ResyncRow = Omit<Pick<Resync, (typeof rowFields)[number]>, 'scope' | 'mode' | 'method'> & {
  readonly scope: ResyncScope;
  readonly mode: ResyncMode;
  readonly method: 'rest' | 'bulk' | null;
};

/** Claims a resync to start or to resume it; undefined if it is not active or does not exist. */
export async function startResync(client: Queryable, id: string): Promise<ResyncRow | undefined> {
  const { rows } = await client.query<ResyncRow>({
    name: 'start-resync',
    text: `update resyncs
              set state = case when state = 'queued' then 'reading' else state end,
                  started_at = coalesce(started_at, now()), error = null, cause = null, waiting = null, claim = claim + 1
            where id = $1 and state in ${activeStates}
            returning ${columnsOf(rowFields)}`,
    values: [id],
  });
  return rows[0];
}

export type ReadStart = Pick<Resync, 'readAt' | 'watermark' | 'schemaId' | 'position' | 'logPosition'>;

/**
 * Saves the start of a read and resets the results of an earlier one.
 * @throws ResyncEndedError
 */
export async function saveReadStart(prisma: PrismaClient, claim: Claim, start: ReadStart): Promise<void> {
  const noProgress = { ...noCounts, resumeAt: null, resumeRows: 0, unknownIds: [], notVisible: 0 };
  await updateClaimed(prisma, claim, { ...start, ...noProgress });
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
  prisma: PrismaClient,
  claim: Claim,
  method: 'rest' | 'bulk',
  expected: number,
): Promise<void> {
  await updateClaimed(prisma, claim, { method, expected });
}

/**
 * Saves that a bulk job is requested: from now on one may exist whose id was not received.
 * @throws ResyncEndedError
 */
export async function saveBulkRequested(prisma: PrismaClient, claim: Claim): Promise<void> {
  await updateClaimed(prisma, claim, { bulkAskedAt: new Date() });
}

/** @throws ResyncEndedError */
export async function saveBulkJob(prisma: PrismaClient, claim: Claim, bulkJobId: string): Promise<void> {
  await updateClaimed(prisma, claim, { bulkJobId, bulkJobClosedAt: null });
}

export async function saveBulkJobClosed(prisma: PrismaClient, bulkJobId: string): Promise<void> {
  await prisma.resync.updateMany({
    where: { bulkJobId, bulkJobClosedAt: null },
    data: { bulkJobClosedAt: new Date() },
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
  const saved = await client.query({
    name: 'save-progress',
    text: `update resyncs
              set state = 'applying', read = read + $3, created = created + $4, updated = updated + $5,
                  unchanged = unchanged + $6, kept = kept + $7, deleted = deleted + $8, failed = failed + $9,
                  resume_at = $10, resume_rows = $11, error = null, cause = null
            where id = $1 and claim = $2 and state in ${runningStates}`,
    values: [
      claim.id,
      claim.claim,
      read,
      created,
      updated,
      unchanged,
      kept,
      deleted,
      failed,
      resume.at,
      resume.rows,
    ],
  });
  expectClaimed(saved);
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
  prisma: PrismaClient,
  { id, claim }: Claim,
  usage: ApiUsage | undefined,
): Promise<void> {
  const waiting = usage && { reason: 'api budget', since: new Date().toISOString(), ...usage };
  await prisma.resync.updateMany({ where: { id, claim }, data: { waiting: waiting ?? Prisma.DbNull } });
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
