import type { Version } from '../apply/version.ts';
import type { Written } from '../codes/code-knowledge.ts';
import { acceptWrite } from '../codes/signup-code.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction } from '../db/database.ts';
import type { CodeWriteResult } from '../salesforce/signup-codes.ts';
import type { BatchContext } from './context.ts';
import { type CallOutcome, type Evidence, judgeCall } from './judge-call.ts';
import { type AttemptOutcome, createRetryContext, judgeResult } from './judge-result.ts';
import {
  closeAttempts,
  type DueCode,
  type LockedCode,
  readWaitingCodes,
  type SavedOutcome,
  type SentCode,
  saveFindings,
  saveOutcomes,
} from './waiting-codes.ts';

/** The code that Salesforce has for an account, and the version of that read. */
export type ReadCode = { readonly code: string | null; readonly version: Version };

/** A call that returned a result per record. */
export type Sent = {
  readonly sent: readonly SentCode[];
  readonly results: readonly CodeWriteResult[];
  /** When the response arrived, epoch milliseconds. */
  readonly answeredAt: number;
};

/** Saves the results of a call. @returns the outcome of the call, which later calls depend on */
export async function recordResults(
  { pool, codes, retryPolicy, jobs }: BatchContext,
  batch: readonly DueCode[],
  held: ReadonlyMap<string, ReadCode>,
  { sent, results, answeredAt }: Sent,
  evidence: Evidence,
): Promise<CallOutcome> {
  const known = new Map(batch.map((waiting) => [waiting.id, waiting]));
  return inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    const now = await readWaitingCodes(client, [...known.keys()], codes.field);
    const call = sent.map(({ id, code }, index) => {
      const { tries = 0, refusals = 0 } = now.get(id) ?? known.get(id) ?? {};
      return { waiting: { id, code, tries, refusals }, result: results[index] ?? missingResult };
    });
    const judged = judgeCall(call, createRetryContext(codes, retryPolicy), evidence);
    const saved = judged.outcomes.map((outcome) => {
      const base = held.get(outcome.id)?.version;
      const written = base === undefined ? undefined : { base, at: answeredAt };
      return reconcileWithMirror(outcome, written, now.get(outcome.id), codes.restore);
    });
    await saveOutcomes(client, saved);
    await closeAttempts(client, sent, judged.outcomes);
    await jobs.enqueueRereads(
      client,
      judged.outcomes
        .filter(({ refusalClass, state }) => refusalClass === 'gone' && state === 'pending')
        .map(({ id }) => id),
    );
    return judged;
  });
}

function reconcileWithMirror(
  outcome: AttemptOutcome,
  written: Written | undefined,
  now: LockedCode | undefined,
  restore: boolean,
): SavedOutcome {
  if (outcome.state !== 'written' || written === undefined || now === undefined) return outcome;
  const { held, knowledge, replaces } = now;
  const { signupCode, state, error } = acceptWrite({ signupCode: outcome.code, replaces }, written, {
    held,
    knowledge,
    restore,
  });
  return { ...outcome, state, code: signupCode, error, written };
}

/** Saves that Salesforce did not return these accounts, and enqueues a read that finds out whether they are deleted. */
export async function recordMissingAccounts(
  { pool, codes, retryPolicy, jobs }: BatchContext,
  missing: readonly DueCode[],
): Promise<AttemptOutcome[]> {
  if (missing.length === 0) return [];
  const outcomes = missing.map((waiting) =>
    judgeResult(waiting, 'gone', createRetryContext(codes, retryPolicy)),
  );
  await inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    await saveOutcomes(client, outcomes);
    const findings = outcomes.map(({ id, code, error }) => ({ id, code, outcome: 'gone' as const, error }));
    await saveFindings(client, findings);
    await jobs.enqueueRereads(
      client,
      missing.map(({ id }) => id),
    );
  });
  return outcomes;
}

const missingResult: CodeWriteResult = {
  success: false,
  code: 'UNKNOWN',
  message: 'Salesforce returned no result for this record.',
  fields: [],
};
