import type { Connection } from 'jsforce';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { CodeRules } from '../codes/code-rules.ts';
import type { Jobs } from '../db/jobs.ts';
import type { ApiBudget } from '../salesforce/api-budget.ts';
import type { Timing } from '../timing.ts';
import type { RetryPolicy } from './judge-result.ts';

export type BatchContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly codes: CodeRules;
  readonly connection: Connection;
  readonly budget: ApiBudget;
  readonly jobs: Pick<Jobs, 'enqueueRereads'>;
  readonly patience: RetryPolicy;
  readonly timing: Pick<Timing, 'codeWriteTimeoutMs'>;
};

export type WriteBackContext = BatchContext & {
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** How long more codes are waited for before a batch is sent, in milliseconds. */
  readonly gatherMs: number;
  readonly timing: Pick<Timing, 'codeFieldCheckIntervalMs' | 'codeWriteTimeoutMs'>;
};

// Mostly a wake-up comes first; repetitions become due without one.
