import type { CodeError } from '../codes/signup-code.ts';
import { actionOf } from '../health/failure-cause.ts';
import type { NextStep } from '../run-loop.ts';
import { SalesforceError } from '../salesforce/error.ts';
import { backfillNextAccounts } from './backfill.ts';
import type { Reason } from './check-field.ts';
import { collectBatch } from './collect-batch.ts';
import type { WriteBackContext } from './context.ts';
import type { FieldHealthCheck } from './field-health-check.ts';
import type { AccessRefusals, CallOutcome } from './judge-call.ts';
import { type AttemptOutcome, createRetryContext } from './judge-result.ts';
import {
  afterBatchRefusal,
  afterBusyRefusal,
  afterFailure,
  afterOrgRefusal,
  afterOwnRefusals,
  afterSuccess,
  isOpen,
  type Pace,
  pauseMs,
  refusalPauseMs,
} from './pace.ts';
import type { PoisonRecordDetector, RecordFailures } from './poison-record-detector.ts';
import { isTooLarge } from './refusal-class.ts';
import type { BatchReporter } from './report-batch.ts';
import type { StatusReporter } from './status-reporter.ts';
import { type DueCode, type DueCodes, readDueCodes, readDueCodesOf, saveOutcomes } from './waiting-codes.ts';
import { addWork, takeNext, type Worklist } from './worklist.ts';
import { type BatchReport, writeBatch } from './write-batch.ts';

/** What a process has learned since it became the leader; in memory only. */
export type LoopState = {
  pace: Pace;
  worklist: Worklist;
  accessRefusals: AccessRefusals;
  /** Of refusals because of a permission or the field. */
  readonly recordFailures: RecordFailures;
  readonly poisonRecords: PoisonRecordDetector;
  readonly fieldHealth: FieldHealthCheck;
  readonly reportStatus: StatusReporter;
  readonly reporter: BatchReporter;
  /** Whether this process certainly still holds the lock of the leader. */
  readonly isLockConfirmed: () => boolean;
};

// How often it is decided whether a check of the field is due.
const checkPollMs = 1_000;

/** Writes the next batch of codes, if any are due; otherwise continues the backfill. */
export async function writeNextBatch(
  context: WriteBackContext,
  state: LoopState,
  signal: AbortSignal,
): Promise<NextStep> {
  const { fieldHealth, reportStatus, isLockConfirmed, worklist } = state;
  if (!(await fieldHealth.isUsable(signal))) return { waitMs: checkPollMs };
  const { codes: batch, nextDueMs } = await nextBatch(context, state, signal);
  if (batch.length === 0) {
    state.reporter.flush();
    if (state.pace.failures === 0) await reportStatus('running');
    if (await backfillNextAccounts(context)) return 'again';
    return nextDueMs === null ? 'wait' : { waitMs: nextDueMs };
  }
  const evidence = {
    accessRefusals: state.accessRefusals,
    othersSucceededSince: state.recordFailures.countFailure,
  };
  try {
    const report = await writeBatch(context, batch, {
      signal,
      isLockConfirmed,
      onWait: reportStatus.onWait,
      evidence,
    });
    return await processReport(context, state, report);
  } catch (error) {
    state.worklist = worklist;
    if (error instanceof SalesforceError) await handleBatchFailure(context, state, batch, error);
    throw error;
  }
}

/** Selects the accounts of the worklist first, then the codes that have waited longest. */
async function nextBatch(
  { pool, topic, collectMs }: WriteBackContext,
  state: LoopState,
  signal: AbortSignal,
): Promise<Pick<DueCodes, 'codes' | 'nextDueMs'>> {
  const maxBatchSize = state.pace.batchSize;
  for (;;) {
    const { ids, rest } = takeNext(state.worklist, maxBatchSize);
    if (ids.length === 0) break;
    state.worklist = rest;
    const codes = await readDueCodesOf(pool, ids);
    if (codes.length > 0) return { codes, nextDueMs: null };
  }
  return collectBatch(() => readDueCodes(pool, topic, maxBatchSize), {
    maxBatchSize,
    pauseMs: collectMs,
    signal,
  });
}

async function processReport(
  context: WriteBackContext,
  state: LoopState,
  report: BatchReport,
): Promise<NextStep> {
  const { call, outcomes } = report;
  const { fieldHealth, reportStatus } = state;
  state.poisonRecords.countSuccess();
  state.reporter.report(report);
  if (outcomes.some(({ refusalClass }) => refusalClass === 'field' || refusalClass === 'access'))
    fieldHealth.checkSoon();
  if (call === null) {
    await reportStatus('running');
    return 'again';
  }
  state.accessRefusals = call.accessRefusals;
  state.pace = paceAfter(state.pace, call, Date.now());
  if (call.outcomes.some(({ state: now }) => now === 'written')) state.recordFailures.countSuccess();
  const pending = call.outcomes.filter(({ state: now }) => now === 'pending');
  const idsOf = (some: readonly AttemptOutcome[]): string[] => some.map(({ id }) => id);
  state.worklist = addWork(state.worklist, {
    retry: call.refusedBy === 'batch' ? idsOf(pending) : [],
    alone: idsOf(pending.filter(({ alone }) => alone)),
  });
  if (call.refusedBy === 'org' || call.refusedBy === 'access') {
    await reportStatus(
      call.refusedBy === 'org' ? 'waiting' : 'paused',
      refusalReason(call.refusedBy, call.error),
    );
    return { pauseMs: refusalPauseMs(state.pace, context.retryPolicy, Math.random()) };
  }
  await reportStatus('running');
  return 'again';
}

/** The reason that the status shows while every write is refused: Salesforce's message and the remedy. */
export function refusalReason(refusedBy: 'org' | 'access', error: CodeError | null): Reason {
  const { code = 'UNKNOWN', message = '' } = error ?? {};
  const words = message.replace(/\s+/g, ' ').replace(/[. ]+$/, '');
  return {
    code,
    message: `Salesforce refuses every write of a signup code (${code}): ${words}. ${remedies[refusedBy]}`,
  };
}

const remedies = {
  org: 'No code has failed. Tidemark retries every few minutes until Salesforce accepts writes again.',
  access:
    'Either the org is temporarily read-only, or the integration user has no permission to edit accounts. No code has failed. Tidemark retries every few minutes.',
} as const;

/** The pace after a call that returned a result per record. */
export function paceAfter(pace: Pace, { refusedBy, outcomes }: CallOutcome, now: number): Pace {
  const size = outcomes.length;
  switch (refusedBy) {
    case 'org':
    case 'access':
      return afterOrgRefusal(pace);
    case 'batch':
      return afterBatchRefusal({ ...pace, failures: 0 }, size, now);
    case 'busy':
      return afterBusyRefusal({ ...pace, failures: 0 }, size);
    case null: {
      if (outcomes.some(({ outcome }) => outcome === 'written')) return afterSuccess(pace, now);
      const [only] = outcomes;
      const failedAlone = size === 1 && only?.refusalClass === 'batch' && only.state === 'failed';
      return afterOwnRefusals(pace, failedAlone);
    }
  }
}

/** Reacts to a failed call: reduces the batch size, or counts an attempt of a record that was sent alone. */
async function handleBatchFailure(
  { pool, codes, retryPolicy }: WriteBackContext,
  state: LoopState,
  batch: readonly DueCode[],
  error: SalesforceError,
): Promise<void> {
  // Nothing was sent, so the records are not the cause.
  if (error.duringSignIn) return;
  if (isTooLarge(error)) state.pace = afterBatchRefusal(state.pace, batch.length, Date.now());
  const [only, ...others] = batch;
  if (only === undefined || others.length > 0) return;
  const context = createRetryContext(codes, retryPolicy);
  await saveOutcomes(pool, [state.poisonRecords.judge(only, error, context)]);
}

/**
 * Reacts to a call that failed as a whole.
 * @returns milliseconds until the next call
 */
export async function handleFailure(
  { logger }: WriteBackContext,
  state: LoopState,
  error: SalesforceError,
): Promise<number> {
  state.pace = afterFailure(state.pace, isTooLarge(error));
  const { fieldHealth, reportStatus, pace } = state;
  const { code, message, failure } = error;
  const fields = { err: error, code, action: actionOf(error), failures: pace.failures };
  logger[pace.failures === 1 ? 'warn' : 'debug'](fields, 'signup codes could not be written');
  const needsOperator = ['config', 'permission', 'auth', 'bug'].includes(failure);
  if (needsOperator) {
    fieldHealth.checkSoon();
    // The cause may be the field: check it before the status shows the error of the call.
    if (pace.failures === 1) return 0;
    await reportStatus('paused', { code, message, action: actionOf(error) });
  } else if (isOpen(pace)) {
    await reportStatus('waiting', { code, message });
  }
  return pauseMs(pace, error, Math.random());
}
