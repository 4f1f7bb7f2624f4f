import type { CodeError } from '../codes/signup-code.ts';
import { actionOf } from '../health/failure-cause.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { isTooLarge } from './answer-class.ts';
import { backfillSome } from './backfill.ts';
import type { Reason } from './check-field.ts';
import { collectBatch } from './collect-batch.ts';
import type { WriteBackContext } from './context.ts';
import type { Contrast } from './contrast.ts';
import type { FieldHealthCheck } from './field-health-check.ts';
import type { AccessRefusals, CallVerdict } from './judge-call.ts';
import type { Verdict } from './judge-result.ts';
import {
  afterBatchRefusal,
  afterBusyRefusal,
  afterOrgRefusal,
  afterOwnRefusals,
  isOpen,
  type Pace,
  paceAfterFailure,
  paceAfterSuccess,
  pauseMs,
  refusalPauseMs,
} from './pace.ts';
import type { PoisonRecordDetector } from './poison-record-detector.ts';
import type { BatchReporter } from './report-batch.ts';
import type { StatusReporter } from './status-reporter.ts';
import { type DueCode, readDue, readDueOf, saveVerdicts, selectDueCodes } from './waiting-codes.ts';
import { addWork, nextOf, type Worklist } from './worklist.ts';
import { type BatchReport, writeBatch } from './write-batch.ts';

/** What one process has learned since it began to write back. */
export type LoopState = {
  pace: Pace;
  worklist: Worklist;
  accessRefusals: AccessRefusals;
  /** Of refusals for want of a right or for the field. */
  readonly contrast: Contrast;
  readonly lone: PoisonRecordDetector;
  readonly field: FieldHealthCheck;
  readonly show: StatusReporter;
  readonly reporter: BatchReporter;
  /** Whether no other process can be writing back by now. */
  readonly isSure: () => boolean;
};

/** Whether there may be more to do at once, and how long Salesforce is left alone before that, in milliseconds. */
export type Step = { readonly busy: boolean; readonly pauseMs: number };

/** Sends the next codes, if any. */
export async function writeNextBatch(
  context: WriteBackContext,
  state: LoopState,
  signal: AbortSignal,
): Promise<Step> {
  const { field, show, isSure, worklist: listed } = state;
  if (!(await field.isGood(signal))) return idle;
  const batch = await nextBatch(context, state, signal);
  if (batch.length === 0) {
    state.reporter.flush();
    if (state.pace.failures === 0) await show('running');
    return { busy: await backfillSome(context), pauseMs: 0 };
  }
  const evidence = { accessRefusals: state.accessRefusals, isContrasted: state.contrast.failed };
  try {
    const report = await writeBatch(context, batch, { signal, isSure, onWait: show.onWait, evidence });
    return await takeAnswers(context, state, report);
  } catch (error) {
    state.worklist = listed;
    if (error instanceof SalesforceError) await takeBatchFailure(context, state, batch, error);
    throw error;
  }
}

/** What a call left over goes first; then the codes that have waited longest. */
async function nextBatch(
  { pool, topic, collectMs }: WriteBackContext,
  state: LoopState,
  signal: AbortSignal,
): Promise<readonly DueCode[]> {
  const most = state.pace.batchSize;
  for (;;) {
    const { ids, rest } = nextOf(state.worklist, most);
    if (ids.length === 0) break;
    state.worklist = rest;
    const batch = await readDueOf(pool, ids);
    if (batch.length > 0) return batch;
  }
  const waiting = await collectBatch(() => selectDueCodes(pool, topic, most), {
    most,
    pauseMs: collectMs,
    signal,
  });
  return waiting === 0 ? [] : readDue(pool, most);
}

async function takeAnswers(context: WriteBackContext, state: LoopState, report: BatchReport): Promise<Step> {
  const { call, verdicts } = report;
  const { field, show } = state;
  state.lone.succeeded();
  state.reporter.report(report);
  if (verdicts.some(({ answerClass }) => answerClass === 'field' || answerClass === 'access'))
    field.suspect();
  if (call === null) {
    await show('running');
    return next;
  }
  state.accessRefusals = call.accessRefusals;
  state.pace = paceAfter(state.pace, call, Date.now());
  if (call.verdicts.some(({ state: now }) => now === 'written')) state.contrast.succeeded();
  const again = call.verdicts.filter(({ state: now }) => now === 'pending');
  const idsOf = (some: readonly Verdict[]): string[] => some.map(({ id }) => id);
  state.worklist = addWork(state.worklist, {
    retry: call.refusedBy === 'batch' ? idsOf(again) : [],
    alone: idsOf(again.filter(({ alone }) => alone)),
  });
  if (call.refusedBy === 'org' || call.refusedBy === 'access') {
    await show(call.refusedBy === 'org' ? 'waiting' : 'paused', heldUpReason(call.refusedBy, call.error));
    return { busy: true, pauseMs: refusalPauseMs(state.pace, context.retryPolicy, Math.random()) };
  }
  await show('running');
  return next;
}

/** What refused every write, in Salesforce's words, and what follows from it. */
export function heldUpReason(refusedBy: 'org' | 'access', error: CodeError | null): Reason {
  const { code = 'UNKNOWN', message = '' } = error ?? {};
  const words = message.replace(/\s+/g, ' ').replace(/[. ]+$/, '');
  return {
    code,
    message: `Salesforce refuses every write of a signup code (${code}): ${words}. ${remedies[refusedBy]}`,
  };
}

const remedies = {
  org: 'No code has failed; they are sent when Salesforce takes writes again, which is tried every few minutes.',
  access:
    'Either the org is read-only for now, or the user of Tidemark lacks a right to edit accounts. No code has failed; they are sent again every few minutes.',
} as const;

/** The pace after a call that was answered. */
export function paceAfter(pace: Pace, { refusedBy, verdicts }: CallVerdict, now: number): Pace {
  const size = verdicts.length;
  switch (refusedBy) {
    case 'org':
    case 'access':
      return afterOrgRefusal(pace);
    case 'batch':
      return afterBatchRefusal({ ...pace, failures: 0 }, size, now);
    case 'busy':
      return afterBusyRefusal({ ...pace, failures: 0 }, size);
    case null: {
      if (verdicts.some(({ outcome }) => outcome === 'written')) return paceAfterSuccess(pace, now);
      const [only] = verdicts;
      const failedAlone = size === 1 && only?.answerClass === 'batch' && only.state === 'failed';
      return afterOwnRefusals(pace, failedAlone);
    }
  }
}

/** What a failed call says of the codes in it: whether so many are too much, or one of them is at fault. */
async function takeBatchFailure(
  { pool, codes, retryPolicy }: WriteBackContext,
  state: LoopState,
  batch: readonly DueCode[],
  error: SalesforceError,
): Promise<void> {
  // Nothing was sent: no record is at fault.
  if (error.duringSignIn) return;
  if (isTooLarge(error)) state.pace = afterBatchRefusal(state.pace, batch.length, Date.now());
  const [only, ...others] = batch;
  if (only === undefined || others.length > 0) return;
  const at = new Date().toISOString();
  const around = { random: Math.random(), generate: codes.generate, at, retryPolicy, field: codes.field };
  await saveVerdicts(pool, [state.lone.judge(only, error, around)]);
}

/**
 * Reacts to a call that failed as a whole.
 * @returns how long to leave Salesforce alone, in milliseconds
 */
export async function takeFailure(
  { logger }: WriteBackContext,
  state: LoopState,
  error: SalesforceError,
): Promise<number> {
  state.pace = paceAfterFailure(state.pace, isTooLarge(error));
  const { field, show, pace } = state;
  const { code, message, failure } = error;
  const fields = { err: error, code, action: actionOf(error), failures: pace.failures };
  logger[pace.failures === 1 ? 'warn' : 'debug'](fields, 'signup codes could not be written');
  const byPerson = ['config', 'permission', 'auth', 'bug'].includes(failure);
  if (byPerson) {
    field.suspect();
    // What can be seen at the field is told in its terms, at once.
    if (pace.failures === 1) return 0;
    await show('paused', { code, message, action: actionOf(error) });
  } else if (isOpen(pace)) {
    await show('waiting', { code, message });
  }
  return pauseMs(pace, error, Math.random());
}

const idle: Step = { busy: false, pauseMs: 0 };
const next: Step = { busy: true, pauseMs: 0 };
