import { logFailure } from '../db/log-failure.ts';
import { type NextStep, runLoop } from '../run-loop.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { resetBackfill } from './backfill.ts';
import type { WriteBackContext } from './context.ts';
import { createFieldHealthCheck } from './field-health-check.ts';
import { noAccessRefusals } from './judge-call.ts';
import { fullPace } from './pace.ts';
import { createPoisonRecordDetector, createRecordFailures } from './poison-record-detector.ts';
import { createBatchReporter } from './report-batch.ts';
import { createStatusReporter } from './status-reporter.ts';
import { emptyWorklist } from './worklist.ts';
import { handleFailure, type LoopState, writeNextBatch } from './write-next-batch.ts';

// Due codes send a wake-up; the poll finds those whose wake-up was lost.
const pollIntervalMs = 5_000;
const restartMs = 1_000;

/**
 * Writes pending codes to Salesforce until the signal aborts, one call at a time. The state is in the accounts, so the
 * next leader continues where this process stops.
 *
 * @param isLockConfirmed false if another process may be the leader
 */
export async function writeBackUntilAborted(
  context: WriteBackContext,
  isLockConfirmed: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  await runLoop({
    step: () => writeUntilFailure(context, isLockConfirmed, signal),
    pollMs: restartMs,
    onFailure: (error) => logFailure(context.logger, error, 'write-back interrupted; restarting'),
    signal,
  });
}

async function writeUntilFailure(
  context: WriteBackContext,
  isLockConfirmed: () => boolean,
  signal: AbortSignal,
): Promise<NextStep> {
  const { pool, prisma, topic, org, codes, wakeUps, logger } = context;
  const reportStatus = createStatusReporter(pool, topic, org.budget, logger);
  const state: LoopState = {
    pace: fullPace,
    worklist: emptyWorklist,
    accessRefusals: noAccessRefusals,
    recordFailures: createRecordFailures(),
    poisonRecords: createPoisonRecordDetector(),
    fieldHealth: await createFieldHealthCheck(context, reportStatus),
    reporter: createBatchReporter(logger),
    reportStatus,
    isLockConfirmed,
  };
  if (!codes.backfill) await resetBackfill(prisma, topic);
  await runLoop({
    step: () => writeOrBackOff(context, state, signal),
    wakeOn: (ms) => wakeUps.next('write-back', ms),
    pollMs: pollIntervalMs,
    onFailure: (error) => {
      throw error;
    },
    signal,
  });
  return 'again';
}

async function writeOrBackOff(
  context: WriteBackContext,
  state: LoopState,
  signal: AbortSignal,
): Promise<NextStep> {
  try {
    return await writeNextBatch(context, state, signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof SalesforceError)) throw error;
    return { pauseMs: await handleFailure(context, state, error) };
  }
}
