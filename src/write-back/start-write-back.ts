import { setTimeout as pause } from 'node:timers/promises';
import type pg from 'pg';
import type { Logger } from 'pino';
import type { CodeRules } from '../codes/code-rules.ts';
import type { Jobs } from '../db/jobs.ts';
import type { WakeUps } from '../db/wake-up.ts';
import type { Org } from '../salesforce/org.ts';
import type { Timing } from '../timing.ts';
import { defaultRetryPolicy, type RetryPolicy } from './judge-result.ts';
import { writeBackUntilStopped } from './run-write-back.ts';

export type WriteBackTuning = {
  /** How long more codes are waited for before a batch is sent, in milliseconds. */
  readonly gatherMs?: number;
  readonly patience?: RetryPolicy;
};

export type WriteBackOptions = {
  readonly databaseUrl: string;
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly codes: CodeRules;
  readonly org: Org;
  readonly jobs: Jobs;
  readonly logger: Logger;
  readonly writeBack?: WriteBackTuning;
  readonly timing: Timing;
};

/** @returns when it has ended; a call that is still under way then is left behind, and its codes are sent again */
export async function startWriteBack(
  options: WriteBackOptions,
  wakeUps: WakeUps,
  signal: AbortSignal,
): Promise<void> {
  const { org, writeBack = {} } = options;
  const { gatherMs = 200, patience = defaultRetryPolicy } = writeBack;
  const { connection, budget } = org;
  const running = writeBackUntilStopped(
    { ...options, connection, budget, gatherMs, patience },
    wakeUps,
    signal,
  );
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  await Promise.race([running, stopped.then(() => pause(lastCallMs, undefined, { ref: false }))]);
}

// A stop as a whole has less than ten seconds.
const lastCallMs = 3_500;
