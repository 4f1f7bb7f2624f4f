import { setTimeout as pause } from 'node:timers/promises';
import { advisoryLocks } from '../db/advisory-locks.ts';
import { holdLock } from '../db/hold-lock.ts';
import { logFailure } from '../db/log-failure.ts';
import type { WakeUps } from '../db/wake-up.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { forgetBackfill } from './backfill.ts';
import type { WriteBackContext } from './context.ts';
import { createContrast } from './contrast.ts';
import { createFieldWatch } from './field-health-check.ts';
import { noAccessRefusals } from './judge-call.ts';
import { fullPace } from './pace.ts';
import { createLoneFailures } from './poison-record-detector.ts';
import { createBatchReporter } from './report-batch.ts';
import { createShowState } from './status-reporter.ts';
import { noWork } from './worklist.ts';
import { type LoopState, takeFailure, writeNextBatch } from './write-next-batch.ts';

const pollIntervalMs = 1_000;

/**
 * Writes codes back until it is stopped: one process of all at a time, one call at a time. The rows of the accounts
 * say what there is to do, so nothing is lost with a process, and another one takes over at once.
 */
export async function writeBackUntilStopped(
  context: WriteBackContext,
  wakeUps: WakeUps,
  signal: AbortSignal,
): Promise<void> {
  const lock = {
    url: context.databaseUrl,
    lock: advisoryLocks.writeBack,
    applicationName: 'tidemark write-back',
  };
  while (!signal.aborted) {
    try {
      await holdLock(lock, signal, (held, isSure) => work(context, wakeUps, held, isSure));
    } catch (error) {
      if (signal.aborted) return;
      logFailure(context.logger, error, 'write-back interrupted; restarting');
      await pause(1_000, undefined, { signal }).catch(() => {});
    }
  }
}

async function work(
  context: WriteBackContext,
  wakeUps: WakeUps,
  signal: AbortSignal,
  isSure: () => boolean,
): Promise<void> {
  const { pool, topic, budget, codes, logger } = context;
  const show = createShowState(pool, topic, budget, logger);
  const state: LoopState = {
    pace: fullPace,
    worklist: noWork,
    accessRefusals: noAccessRefusals,
    contrast: createContrast(),
    lone: createLoneFailures(),
    field: await createFieldWatch(context, show),
    reporter: createBatchReporter(logger),
    show,
    isSure,
  };
  if (!codes.backfill) await forgetBackfill(pool, topic);
  while (!signal.aborted) {
    // Listen before looking: what is enqueued in between is not missed.
    const woken = wakeUps.next('write-back', pollIntervalMs);
    try {
      const { busy, pauseMs } = await writeNextBatch(context, state, signal);
      if (pauseMs > 0) await leaveAlone(pauseMs, signal);
      else if (!busy) await woken;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SalesforceError)) throw error;
      await leaveAlone(await takeFailure(context, state, error), signal);
    }
  }
}

async function leaveAlone(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => {});
}
