import { lockAccountWrites } from '../apply/apply-changes.ts';
import type { Version } from '../apply/version.ts';
import type { Written } from '../codes/code-knowledge.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import { acceptWrite } from '../codes/signup-code.ts';
import { inTransaction } from '../db/database.ts';
import type { CodeWriteResult } from '../salesforce/signup-codes.ts';
import type { BatchContext } from './context.ts';
import { type CallVerdict, type Evidence, judgeCall } from './judge-call.ts';
import { judgeAnswer, type RetryContext, type RetryPolicy, type Verdict } from './judge-result.ts';
import {
  closeAttempts,
  type DueCode,
  type LockedCode,
  lockWaitingCodes,
  type SavedVerdict,
  type SentCode,
  saveFindings,
  saveVerdicts,
} from './waiting-codes.ts';

/** The code that an account has in Salesforce, and the version as of which that is known. */
export type ReadCode = { readonly code: string | null; readonly version: Version };

/** A call that was answered. */
export type Sent = {
  readonly sent: readonly SentCode[];
  readonly results: readonly CodeWriteResult[];
  /** When the answer came, in epoch milliseconds. */
  readonly answeredAt: number;
};

/** Records what was answered, and what it means for each code and for the calls to come. */
export async function recordAnswers(
  { pool, codes, retryPolicy, jobs }: BatchContext,
  batch: readonly DueCode[],
  held: ReadonlyMap<string, ReadCode>,
  { sent, results, answeredAt }: Sent,
  evidence: Evidence,
): Promise<CallVerdict> {
  const known = new Map(batch.map((waiting) => [waiting.id, waiting]));
  return inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    const now = await lockWaitingCodes(client, [...known.keys()], codes.field);
    const call = sent.map(({ id, code }, index) => {
      const { tries = 0, refusals = 0 } = now.get(id) ?? known.get(id) ?? {};
      return { waiting: { id, code, tries, refusals }, answer: results[index] ?? noAnswer };
    });
    const judged = judgeCall(call, circumstances(codes, retryPolicy), evidence);
    const saved = judged.verdicts.map((verdict) => {
      const base = held.get(verdict.id)?.version;
      const written = base === undefined ? undefined : { base, at: answeredAt };
      return asMirrorKnows(verdict, written, now.get(verdict.id), codes.restore);
    });
    await saveVerdicts(client, saved);
    await closeAttempts(client, sent, judged.verdicts);
    await jobs.enqueueRereads(
      client,
      judged.verdicts
        .filter(({ answerClass, state }) => answerClass === 'gone' && state === 'pending')
        .map(({ id }) => id),
    );
    return judged;
  });
}

function asMirrorKnows(
  verdict: Verdict,
  written: Written | undefined,
  now: LockedCode | undefined,
  restore: boolean,
): SavedVerdict {
  if (verdict.state !== 'written' || written === undefined || now === undefined) return verdict;
  const { held, knowledge, replaces } = now;
  const { signupCode, state, error } = acceptWrite({ signupCode: verdict.code, replaces }, written, {
    held,
    knowledge,
    restore,
  });
  return { ...verdict, state, code: signupCode, error, written };
}

/** Accounts that Salesforce didn't find are read again: that tells whether they are deleted. */
export async function recordGone(
  { pool, codes, retryPolicy, jobs }: BatchContext,
  lost: readonly DueCode[],
): Promise<Verdict[]> {
  if (lost.length === 0) return [];
  const verdicts = lost.map((waiting) => judgeAnswer(waiting, 'gone', circumstances(codes, retryPolicy)));
  await inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    await saveVerdicts(client, verdicts);
    const findings = verdicts.map(({ id, code, error }) => ({ id, code, outcome: 'gone' as const, error }));
    await saveFindings(client, findings);
    await jobs.enqueueRereads(
      client,
      lost.map(({ id }) => id),
    );
  });
  return verdicts;
}

function circumstances({ generate, field }: CodeRules, retryPolicy: RetryPolicy): RetryContext {
  return { random: Math.random(), generate, at: new Date().toISOString(), retryPolicy, field };
}

const noAnswer: CodeWriteResult = {
  success: false,
  code: 'UNKNOWN',
  message: 'Salesforce gave no answer for this record.',
  fields: [],
};
