import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import { readColumns } from '../db/check-tables.ts';
import { databaseFault, isMissingObject } from '../db/database-fault.ts';
import type { HealthFacts, StoredFacts } from './facts.ts';
import type { ProcessFaults } from './process-faults.ts';
import { readStoredFacts } from './read-facts.ts';
import { judgeHealth, type Verdict } from './verdict.ts';

export type HealthContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly faults: ProcessFaults;
  /** `table.column` of each column that existed at startup. */
  readonly columns: readonly string[];
  /** Of the job queue. */
  readonly queueSchema: string;
  /** Undefined without a read replica. */
  readonly replicaServes?: () => boolean | undefined;
  /** Difference to Salesforce's clock in milliseconds; null if unknown. */
  readonly clockAheadMs?: () => number | null;
  readonly graceMs?: number | undefined;
};

// Probes time out after about two seconds.
const answerLimitMs = 1_500;

/** Reads and judges the facts. Never throws: an unreachable database is a fact. */
export async function checkHealth(context: HealthContext): Promise<Verdict> {
  return judgeHealth(await readFacts(context), context.graceMs);
}

async function readFacts({
  pool,
  topic,
  faults,
  columns,
  queueSchema,
  replicaServes,
  clockAheadMs,
}: HealthContext): Promise<HealthFacts> {
  const own = { topic, replicaServes: replicaServes?.(), clockAheadMs: clockAheadMs?.() ?? null };
  const tooLate = pause(answerLimitMs, undefined, { ref: false }).then(() => {
    throw new Error('timeout exceeded when trying to connect');
  });
  try {
    const { now, present, stored } = await Promise.race([
      readFactsOrColumns(pool, topic, queueSchema),
      tooLate,
    ]);
    const existing = new Set(present);
    const missingColumns = columns.filter((column) => !existing.has(column));
    if (missingColumns.length > 0)
      return { ...own, now, faults: faults.list(), missingColumns, stored: null };
    faults.clear('database');
    const facts = { ...own, now, faults: faults.list(), missingColumns };
    // The other tables exist.
    if (stored instanceof Error) return { ...facts, missingTable: stored.message, stored: null };
    return { ...facts, stored };
  } catch (error) {
    // The first failing probe is the start of the outage.
    faults.set('database', databaseFault(error));
    return { ...own, now: new Date(), faults: faults.list(), missingColumns: [], stored: null };
  }
}

/** Reads only the columns if the facts cannot be read because a column or table is missing. */
async function readFactsOrColumns(
  pool: pg.Pool,
  topic: string,
  queueSchema: string,
): Promise<{ now: Date; present: readonly string[]; stored: StoredFacts | Error }> {
  try {
    return await readStoredFacts(pool, topic, queueSchema);
  } catch (error) {
    if (!(error instanceof Error && isMissingObject(error))) throw error;
    return { now: new Date(), present: await readColumns(pool), stored: error };
  }
}
