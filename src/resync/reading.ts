import type pg from 'pg';
import type { Logger } from 'pino';
import { formatVersion, parseVersion, type Version } from '../apply/version.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { Queryable } from '../db/database.ts';
import type { Jobs } from '../db/jobs.ts';
import { readSubscription, readWatermark } from '../ingest/subscription-rows.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import type { AccountRead, ReadPlan } from '../salesforce/records.ts';
import type { Absence } from './deletion/deletion-proof.ts';
import { currentReadPlan, readPlanOf, type SchemaContext } from './read-plan.ts';
import { type ResumePoint, type ResyncRow, saveReadStart } from './resync-rows.ts';

export type ResyncContext = SchemaContext & {
  readonly pool: pg.Pool;
  readonly codes: CodeRules;
  readonly jobs: Jobs;
  readonly logger: Logger;
  /** From so many records on, a resync reads by a bulk job. */
  readonly bulkFrom: number;
  /** How long a change may take to reach the mirror, in milliseconds, before a difference counts as one. */
  readonly settleMs: number;
};

/** One reading: everything that it finds contains all changes up to its watermark. */
export type Reading = {
  readonly plan: ReadPlan;
  readonly schemaId: string;
  readonly watermark: Version;
  /** Epoch milliseconds. */
  readonly readAt: number;
  /** The resync that it belongs to; none where accounts are read again for their own sake. */
  readonly resyncId?: string;
};

/** A resync under way. */
export type RunningResync = {
  readonly context: ResyncContext;
  readonly row: ResyncRow;
  readonly reading: Reading;
  readonly callWithinBudget: CallWithinBudget;
  /** Aborted when the process stops or the resync is cancelled. */
  readonly signal: AbortSignal;
};

/** The watermark is taken before anything is asked for. */
export async function beginReading(
  context: ResyncContext,
  callWithinBudget: CallWithinBudget,
): Promise<Reading> {
  const { plan, schemaId } = await currentReadPlan(context, callWithinBudget);
  const watermark = await readWatermark(context.pool, context.topic);
  return { plan, schemaId, watermark, readAt: Date.now() };
}

/** The reading of a resync: the one that an earlier try began, since its bulk job contains no later change. */
export async function readingOf(
  context: ResyncContext,
  row: ResyncRow,
  callWithinBudget: CallWithinBudget,
): Promise<Reading> {
  const { readAt, watermark, schemaId } = row;
  if (readAt !== null && watermark !== null && schemaId !== null) {
    const { plan } = await readPlanOf(context, schemaId, callWithinBudget);
    return { plan, schemaId, watermark: parseVersion(watermark), readAt: readAt.getTime(), resyncId: row.id };
  }
  const reading = { ...(await beginReading(context, callWithinBudget)), resyncId: row.id };
  const { replayId } = await readSubscription(context.pool, context.topic);
  await saveReadStart(context.pool, row, {
    readAt: new Date(reading.readAt),
    watermark: formatVersion(reading.watermark),
    schemaId: reading.schemaId,
    position: replayId,
    logPosition: await newestPosition(context.pool),
  });
  return reading;
}

async function newestPosition(client: Queryable): Promise<bigint> {
  const { rows } = await client.query<{ position: bigint }>({
    name: 'newest-position',
    text: 'select coalesce(max(position), 0) as position from events',
  });
  return rows[0]?.position ?? 0n;
}

/** A part of a reading that is merged or compared at once. */
export type Page = {
  readonly reads: readonly AccountRead[];
  /** Asked for by id and not returned, not even among the deleted ones. */
  readonly absent: readonly Absence[];
  /** What the mirror knew of records asked for by id before they were asked for: the answer contains it. */
  readonly known?: ReadonlyMap<string, Version>;
  /** Where the reading goes on behind it. */
  readonly resume: ResumePoint;
};

// A commit can take its stamp some time before it is to be seen, and clocks differ.

export type Outcome =
  | {
      readonly stopped: false;
      /** Verifies only: how many accounts differ. */
      readonly different: number | null;
      /** Records that the database refuses. */
      readonly unstored: number;
    }
  /** Too many deletions without proof: a person has to confirm them. */
  | { readonly stopped: true };
