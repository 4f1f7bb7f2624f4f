import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { advisoryLocks } from '../../db/advisory-locks.ts';
import { holdLock } from '../../db/hold-lock.ts';
import type { WakeUps } from '../../db/wake-up.ts';
import { SalesforceError } from '../../salesforce/error.ts';
import type { Timing } from '../../timing.ts';
import { backfillSome, forgetBackfill } from './backfill.ts';
import { afterFailure, afterSuccess, closed, isOpen, pauseMs } from './circuit.ts';
import { createFieldWatch, type FieldWatch } from './field-watch.ts';
import { gather } from './gather.ts';
import { createLoneFailures, type LoneFailures } from './lone-failure.ts';
import { createShowState, type ShowState } from './show-state.ts';
import { type DueCode, lookForDue, readDue, saveVerdicts } from './waiting-codes.ts';
import { type BatchContext, writeBatch } from './write-batch.ts';

export type WriteBackContext = BatchContext & {
  readonly databaseUrl: string;
  readonly logger: Logger;
  /** How long more codes are waited for before a batch is sent, in milliseconds. */
  readonly gatherMs: number;
  readonly timing: Pick<Timing, 'codeFieldCheckIntervalMs' | 'codeWriteTimeoutMs'>;
};

// Mostly a wake-up comes first; repetitions become due without one.
const lookEveryMs = 1_000;

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
      context.logger.warn({ err: error }, 'the write-back broke off; beginning again');
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
  const { pool, topic, budget, codes } = context;
  const show = createShowState(pool, topic, budget);
  const course: Course = {
    circuit: closed,
    field: await createFieldWatch(context, show),
    lone: createLoneFailures(),
    show,
    isSure,
  };
  if (!codes.backfill) await forgetBackfill(pool, topic);
  while (!signal.aborted) {
    // Listen before looking: what is enqueued in between is not missed.
    const woken = wakeUps.next('write-back', lookEveryMs);
    try {
      const busy = await step(context, course, signal);
      if (!busy) await woken;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof SalesforceError)) throw error;
      await pause(await takeFailure(context, course, error), undefined, { signal }).catch(() => {});
    }
  }
}

/** @returns whether there may be more to do at once */
async function step(context: WriteBackContext, course: Course, signal: AbortSignal): Promise<boolean> {
  const { pool, topic, gatherMs } = context;
  const { field, lone, show, isSure } = course;
  if (!(await field.isGood(signal))) return false;
  const most = course.circuit.batchSize;
  const waiting = await gather(() => lookForDue(pool, topic, most), { most, pauseMs: gatherMs, signal });
  if (waiting === 0) {
    if (course.circuit.failures === 0) await show('running');
    return backfillSome(context);
  }
  const batch = await readDue(pool, most);
  try {
    const verdicts = await writeBatch(context, batch, { signal, isSure, onWait: show.onWait });
    if (verdicts.some(({ answerClass }) => answerClass === 'field')) field.suspect();
    context.logger.info(
      { codes: batch.length, outcomes: countBy(verdicts.map(({ outcome }) => outcome)) },
      'signup codes written to Salesforce',
    );
  } catch (error) {
    if (error instanceof SalesforceError) await takeLoneFailure(context, lone, batch, error);
    throw error;
  }
  lone.succeeded();
  course.circuit = afterSuccess(course.circuit);
  await show('running');
  return true;
}

/** @returns how long to leave Salesforce alone, in milliseconds */
async function takeFailure(
  { logger }: WriteBackContext,
  course: Course,
  error: SalesforceError,
): Promise<number> {
  course.circuit = afterFailure(course.circuit);
  const { circuit, field, show } = course;
  const { code, message, failure } = error;
  logger.warn({ err: error, failures: circuit.failures }, 'signup codes could not be written');
  const byPerson = ['config', 'permission', 'auth', 'bug'].includes(failure);
  if (byPerson) {
    field.suspect();
    // What can be seen at the field is told in its terms, at once.
    if (circuit.failures === 1) return 0;
    await show('paused', { code, message });
  } else if (isOpen(circuit)) {
    await show('waiting', { code, message });
  }
  return pauseMs(circuit, error, Math.random());
}

async function takeLoneFailure(
  { pool, codes, patience }: WriteBackContext,
  lone: LoneFailures,
  batch: readonly DueCode[],
  error: SalesforceError,
): Promise<void> {
  const [only, ...others] = batch;
  if (only === undefined || others.length > 0) return;
  const at = new Date().toISOString();
  await saveVerdicts(pool, [
    lone.judge(only, error, { random: Math.random(), generate: codes.generate, at, patience }),
  ]);
}

function countBy(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(
    [...Map.groupBy(names, (name) => name)].map(([name, { length }]) => [name, length]),
  );
}

type Course = {
  circuit: ReturnType<typeof afterFailure>;
  readonly field: FieldWatch;
  readonly lone: LoneFailures;
  readonly show: ShowState;
  readonly isSure: () => boolean;
};
