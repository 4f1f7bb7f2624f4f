import type pg from 'pg';
import type { Logger } from 'pino';
import type { Activity } from '../activity.ts';
import { formatVersion, parseVersion, type Version } from '../apply/version.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { Queryable } from '../db/database.ts';
import type { PrismaClient } from '../db/generated/client.ts';
import type { Jobs } from '../db/jobs.ts';
import { checkFields } from '../fields/check-fields.ts';
import { readKnownFields } from '../fields/field-rows.ts';
import { readSubscription, readWatermark } from '../ingest/subscription-rows.ts';
import { saveLabels } from '../mirror/column-labels.ts';
import { badAnswer, SalesforceError } from '../salesforce/error.ts';
import type { CallWithinBudget } from '../salesforce/query-pages.ts';
import { type AccountRead, planRead, type ReadPlan } from '../salesforce/records.ts';
import type { Absence } from './deletion/deletion-proof.ts';
import { exceedsBound } from './deletion/deletion-proof.ts';
import {
  type CurrentFields,
  readCurrentFields,
  readEventFields,
  readFieldsOf,
  type SchemaContext,
} from './read-plan.ts';
import { type ResumePoint, type ResyncRow, saveReadStart } from './resync-rows.ts';

export type ResyncContext = SchemaContext & {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  readonly codes: CodeRules;
  readonly jobs: Jobs;
  readonly activity: Activity;
  readonly logger: Logger;
  /** Number of records from which a resync reads by a bulk job. */
  readonly bulkFrom: number;
  /** Rows of a bulk result in one transaction. */
  readonly bulkBatchRows: number;
  /** Milliseconds that a change may take to reach the mirror before a difference counts. */
  readonly settleMs: number;
};

/** A read of Salesforce: every record that it returns contains all changes up to the watermark. */
export type Snapshot = FieldSelection & {
  readonly schemaId: string;
  readonly watermark: Version;
  /** Epoch milliseconds. */
  readonly readAt: number;
  /** Undefined if single accounts are read again. */
  readonly resyncId?: string;
};

/** Which fields a snapshot reads. */
type FieldSelection = {
  readonly plan: ReadPlan;
  /** Set if only these fields are read: a change of nothing else. */
  readonly onlyFields?: ReadonlySet<string>;
  /** Fields among `onlyFields` that are not mirrored any more. */
  readonly clearedFields: readonly string[];
  /** Fields that the user cannot see, or that a comparison omits: the mirror keeps their values. */
  readonly keptFields: ReadonlySet<string>;
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

/** Checks the fields of Account, and takes the watermark before the first record is requested. */
export async function startSnapshot(
  context: ResyncContext,
  callWithinBudget: CallWithinBudget,
  row?: ResyncRow,
): Promise<Snapshot> {
  const current = await readCurrentFields(context, callWithinBudget);
  await checkFields(context, current);
  const watermark = await readWatermark(context.pool, context.topic);
  const selection = await selectFields(context, current, row);
  const resyncId = row === undefined ? {} : { resyncId: row.id };
  return { ...selection, ...resyncId, schemaId: current.schemaId, watermark, readAt: Date.now() };
}

/** The snapshot of an earlier try of the resync, because its bulk job contains no later change; else a new one. */
export async function resumeSnapshot(
  context: ResyncContext,
  row: ResyncRow,
  callWithinBudget: CallWithinBudget,
): Promise<Snapshot> {
  const { readAt, watermark, schemaId } = row;
  if (readAt !== null && watermark !== null && schemaId !== null) {
    const current = await readFieldsOf(context, schemaId, callWithinBudget);
    const selection = await selectFields(context, current, row);
    const progress = { watermark: parseVersion(watermark), readAt: readAt.getTime() };
    return { ...selection, ...progress, schemaId, resyncId: row.id };
  }
  const snapshot = await startSnapshot(context, callWithinBudget, row);
  const { replayId } = await readSubscription(context.pool, context.topic);
  await saveReadStart(context.prisma, row, {
    readAt: new Date(snapshot.readAt),
    watermark: formatVersion(snapshot.watermark),
    schemaId: snapshot.schemaId,
    position: replayId,
    logPosition: await newestPosition(context.pool),
  });
  return snapshot;
}

/** Comparisons omit calculated fields: they change without events. */
async function selectFields(
  { pool, org, schemas }: ResyncContext,
  { fields, described }: Pick<CurrentFields, 'fields' | 'described'>,
  row: ResyncRow | undefined,
): Promise<FieldSelection> {
  const isComparison = row !== undefined && row.mode !== 'repair';
  const onlyFields = row?.scope === 'fields' ? new Set(row.fields) : undefined;
  const plan = planRead(fields, described, isComparison ? new Set() : org.calculatedFields, onlyFields);
  await saveLabels(pool, plan.labels);
  const covered = new Set(plan.fields.map(({ name }) => name));
  const known = await readKnownFields(pool);
  const deselected = new Set(
    known.flatMap(({ name, calculated, mirrored }) => (calculated && !mirrored ? [name] : [])),
  );
  const eventFields = await readEventFields({ pool, schemas });
  const kept = [...known.map(({ name }) => name), ...eventFields].filter((name) => !covered.has(name));
  return {
    plan,
    ...(onlyFields && { onlyFields }),
    clearedFields: [...deselected.intersection(onlyFields ?? new Set())],
    keptFields: new Set(kept).difference(deselected),
  };
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

/** Finds out whether a query was refused because a field was deleted or hidden after it was planned. */
export async function findPlanChange(
  { context, snapshot, callWithinBudget }: RunningResync,
  error: Error,
): Promise<SnapshotLostError | undefined> {
  if (!(error instanceof SalesforceError) || error.failure !== 'config') return undefined;
  const described = await callWithinBudget(() => context.org.describe());
  const missing = new Set(snapshot.plan.names).difference(new Set(described.map(({ name }) => name)));
  if (missing.size === 0) return undefined;
  const message = `The fields ${[...missing].join(', ')} were deleted or hidden after the read was planned; it is planned again.`;
  return new SnapshotLostError(new SalesforceError(message, error.code, 'transient', { cause: error }));
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
