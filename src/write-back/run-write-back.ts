import { logFailure } from '../db/log-failure.ts';
import { type NextStep, runLoop } from '../run-loop.ts';
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
const restartMs = 1_000;

/**
 * Writes codes back until the signal aborts, one call at a time. The rows of the accounts say what there is to do, so
 * nothing is lost with a process, and the next leader continues at once.
 *
 * @param isSure false if another process may be writing back by now
 */
export async function writeBackUntilAborted(
  context: WriteBackContext,
  isSure: () => boolean,
  signal: AbortSignal,
): Promise<void> {
  await runLoop({
    step: () => writeUntilFailure(context, isSure, signal),
    pollMs: restartMs,
    onFailure: (error) => logFailure(context.logger, error, 'write-back interrupted; restarting'),
    signal,
  });
}

async function writeUntilFailure(
  context: WriteBackContext,
  isSure: () => boolean,
  signal: AbortSignal,
): Promise<NextStep> {
  const { pool, topic, org, codes, wakeUps, logger } = context;
  const show = createShowState(pool, topic, org.budget, logger);
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
  await runLoop({
    step: () => writeOnce(context, state, signal),
    wakeOn: (ms) => wakeUps.next('write-back', ms),
    pollMs: pollIntervalMs,
    onFailure: (error) => {
      throw error;
    },
    signal,
  });
  return 'again';
}

async function writeOnce(
  context: WriteBackContext,
  state: LoopState,
  signal: AbortSignal,
): Promise<NextStep> {
  try {
    const { busy, pauseMs } = await writeNextBatch(context, state, signal);
    if (pauseMs > 0) return { pauseMs };
    return busy ? 'again' : 'wait';
  } catch (error) {
    if (signal.aborted || !(error instanceof SalesforceError)) throw error;
    return { pauseMs: await takeFailure(context, state, error) };
  }
}
