import type pg from 'pg';
import type { Logger } from 'pino';
import { formatVersion, parseVersion, type Version } from '../apply/version.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { Queryable } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { readSubscription, readWatermark } from '../ingest/subscription-rows.ts';
import { badAnswer, type SalesforceError } from '../salesforce/error.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import type { AccountRead, ReadPlan } from '../salesforce/records.ts';
import type { Absence } from './deletion/deletion-proof.ts';
import { exceedsBound } from './deletion/deletion-proof.ts';
import { currentReadPlan, readPlanOf, type SchemaContext } from './read-plan.ts';
import { type ResumePoint, type ResyncRow, saveReadStart } from './resync-rows.ts';

export type ResyncContext = SchemaContext & {
  readonly pool: pg.Pool;
  readonly codes: CodeRules;
  readonly jobs: Jobs;
  readonly logger: Logger;
  /** Number of records from which a resync reads by a bulk job. */
  readonly bulkFrom: number;
  /** Milliseconds that a change may take to reach the mirror before a difference counts. */
  readonly settleMs: number;
};

/** A read of Salesforce: every record that it returns contains all changes up to the watermark. */
export type Snapshot = {
  readonly plan: ReadPlan;
  readonly schemaId: string;
  readonly watermark: Version;
  /** Epoch milliseconds. */
  readonly readAt: number;
  /** Undefined if single accounts are read again. */
  readonly resyncId?: string;
};

/** A claimed resync. */
export type RunningResync = {
  readonly context: ResyncContext;
  readonly row: ResyncRow;
  readonly snapshot: Snapshot;
  readonly callWithinBudget: CallWithinBudget;
  /** Aborted when the process stops or the resync is cancelled. */
  readonly signal: AbortSignal;
};

/** Takes the watermark before the first request. */
export async function startSnapshot(
  context: ResyncContext,
  callWithinBudget: CallWithinBudget,
): Promise<Snapshot> {
  const { plan, schemaId } = await currentReadPlan(context, callWithinBudget);
  const watermark = await readWatermark(context.pool, context.topic);
  return { plan, schemaId, watermark, readAt: Date.now() };
}

/** The snapshot of an earlier try of the resync, because its bulk job contains no later change; else a new one. */
export async function resumeSnapshot(
  context: ResyncContext,
  row: ResyncRow,
  callWithinBudget: CallWithinBudget,
): Promise<Snapshot> {
  const { readAt, watermark, schemaId } = row;
  if (readAt !== null && watermark !== null && schemaId !== null) {
    const { plan } = await readPlanOf(context, schemaId, callWithinBudget);
    return { plan, schemaId, watermark: parseVersion(watermark), readAt: readAt.getTime(), resyncId: row.id };
  }
  const snapshot = { ...(await startSnapshot(context, callWithinBudget)), resyncId: row.id };
  const { replayId } = await readSubscription(context.pool, context.topic);
  await saveReadStart(context.pool, row, {
    readAt: new Date(snapshot.readAt),
    watermark: formatVersion(snapshot.watermark),
    schemaId: snapshot.schemaId,
    position: replayId,
    logPosition: await newestPosition(context.pool),
  });
  return snapshot;
}

async function newestPosition(client: Queryable): Promise<bigint> {
  const { rows } = await client.query<{ position: bigint }>({
    name: 'newest-position',
    text: 'select coalesce(max(position), 0) as position from event_outcomes',
  });
  return rows[0]?.position ?? 0n;
}

/** Records that are merged or compared in one step. */
export type Page = {
  readonly reads: readonly AccountRead[];
  /** Requested by id and not returned, not even as deleted. */
  readonly absent: readonly Absence[];
  /** Versions that the mirror knew of records before it requested them by id: the response contains them. */
  readonly known?: ReadonlyMap<string, Version>;
  /** Where the read resumes after this page. */
  readonly resume: ResumePoint;
};

export type Outcome =
  | {
      readonly stopped: false;
      /** Number of accounts that differ; null unless they were compared. */
      readonly different: number | null;
      /** Number of records that the database refused. */
      readonly unstored: number;
    }
  /** Too many deletions without proof: an operator has to confirm them. */
  | { readonly stopped: true };

/** The records read so far cannot be used: the next try reads from the start. */
export class SnapshotLostError extends Error {
  readonly reason: SalesforceError;

  constructor(reason: SalesforceError) {
    super(reason.message, { cause: reason });
    this.name = 'SnapshotLostError';
    this.reason = reason;
  }
}

/**
 * Checks that a result is complete: far fewer records than Salesforce counted mean an empty page, or a permission that
 * was revoked during the read.
 * @throws SnapshotLostError
 */
export function expectComplete(read: number, expected: number): void {
  if (!exceedsBound(expected - read, expected)) return;
  throw new SnapshotLostError(badAnswer(`Salesforce counts ${expected} records, but returned ${read}.`));
}
