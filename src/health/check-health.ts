import type pg from 'pg';
import { readColumns } from '../db/check-tables.ts';
import { databaseFault } from '../db/database-fault.ts';
import type { HealthFacts } from './facts.ts';
import type { ProcessFaults } from './process-faults.ts';
import { readStoredFacts } from './read-facts.ts';
import { judgeHealth, type Verdict } from './verdict.ts';

export type HealthContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly faults: ProcessFaults;
  /** `table.column` of everything that existed at the start. */
  readonly columns: readonly string[];
  /** Of the job queue. */
  readonly queueSchema: string;
  /** Undefined without a read replica. */
  readonly replicaServes?: () => boolean | undefined;
  /** As this process knows it from Salesforce; null if it does not. */
  readonly clockAheadMs?: () => number | null;
  readonly graceMs?: number | undefined;
};

// A probe waits for about two seconds, so the answer must not hang with the database.
const answerLimitMs = 1_500;

/** Reads the facts and judges them; never throws: a database that does not answer is a fact. */
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
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('timeout exceeded when trying to connect')), answerLimitMs);
  try {
    const present = new Set(await Promise.race([readColumns(pool), tooLate]));
    const missingColumns = columns.filter((column) => !present.has(column));
    // A query that names what is gone would fail.
    if (missingColumns.length > 0)
      return { ...own, now: new Date(), faults: faults.list(), missingColumns, stored: null };
    const { now, stored } = await Promise.race([readStoredFacts(pool, topic, queueSchema), tooLate]);
    faults.clear('database');
    return { ...own, now, faults: faults.list(), missingColumns, stored };
  } catch (error) {
    // The first probe that fails is the start; the later ones belong to the same outage.
    faults.set('database', databaseFault(error));
    return { ...own, now: new Date(), faults: faults.list(), missingColumns: [], stored: null };
  } finally {
    clearTimeout(timer);
  }
}
