import type { Connection } from 'jsforce';
import type pg from 'pg';
import { inTransaction } from '../../db/database.ts';
import type { ApiBudget, ApiUsage } from '../../salesforce/api-budget.ts';
import { fromRestError } from '../../salesforce/error.ts';
import { type CodeWriteResult, type HeldCode, readCodes, writeCodes } from '../../salesforce/signup-codes.ts';
import type { Timing } from '../../timing.ts';
import { applyChanges, lockMirror } from '../apply-changes.ts';
import type { CodeRules } from '../code-rules.ts';
import type { Jobs } from '../jobs.ts';
import { readKnownVersions } from '../request-reads.ts';
import { readWatermark } from '../subscription-rows.ts';
import { laterVersion, never, readVersion, type Version } from '../version.ts';
import { judgeAnswer, type Patience, type Verdict } from './judge-answer.ts';
import {
  beginAttempts,
  closeAttempts,
  type DueCode,
  type Finding,
  leaveUnanswered,
  lockWaiting,
  noteFindings,
  type SentCode,
  saveVerdicts,
} from './waiting-codes.ts';

export type BatchContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly codes: CodeRules;
  readonly connection: Connection;
  readonly budget: ApiBudget;
  readonly jobs: Pick<Jobs, 'enqueueRereads'>;
  readonly patience: Patience;
  readonly timing: Pick<Timing, 'codeWriteTimeoutMs'>;
};

export type Waiting = {
  readonly signal: AbortSignal;
  /** Whether no other process can be writing back by now. */
  readonly isSure: () => boolean;
  readonly onWait: (usage: ApiUsage | undefined) => Promise<void>;
};

/**
 * Brings the codes of up to 200 accounts to Salesforce: one query reads what it holds, one call writes. What it holds
 * already is adopted, not overwritten; what it refuses is on record with its reason. Doing it again does no harm: the
 * same code is sent.
 *
 * @returns what became of the codes that were sent or can't be; none where room for the call came too late, and the
 *   reading has to be done again
 * @throws SalesforceError where a call failed as a whole: the outcome is unknown, and the codes go on waiting
 */
export async function writeBatch(
  context: BatchContext,
  batch: readonly DueCode[],
  waiting: Waiting,
): Promise<Verdict[]> {
  const held = await adoptHeld(context, batch, waiting);
  const lost = batch.filter(({ id }) => !held.has(id));
  const goneOnes = await recordGone(context, lost);
  const writes = batch.filter(({ id, code, replaces }) => {
    const theirs = held.get(id);
    return theirs !== undefined && mayWrite(theirs.code, code, replaces);
  });
  if (writes.length === 0) return goneOnes;
  const answered = await send(context, writes, waiting);
  return answered === undefined ? goneOnes : [...goneOnes, ...(await record(context, writes, answered))];
}

/** A code is written where there is none, or over one that it replaces on request. */
export function mayWrite(held: string | null, code: string, replaces: readonly string[]): boolean {
  return held === null || (held !== code && replaces.includes(held));
}

/** Reads which codes Salesforce holds, and merges those into the mirror like any other reading. */
async function adoptHeld(
  context: BatchContext,
  batch: readonly DueCode[],
  waiting: Waiting,
): Promise<Map<string, HeldCode>> {
  const { pool, topic, codes, connection, budget } = context;
  let watermark = never;
  let known: ReadonlyMap<string, Version> = new Map();
  let readAt = 0;
  const ids = batch.map(({ id }) => id);
  const held = await budget.spend(async () => {
    watermark = await readWatermark(pool, topic);
    known = await readKnownVersions(pool, ids);
    readAt = Date.now();
    return readCodes(connection, codes.field, ids);
  }, waiting);
  const findings = batch.flatMap(({ id, code, replaces }): Finding[] => {
    const theirs = held.get(id)?.code ?? null;
    return theirs === null || mayWrite(theirs, code, replaces)
      ? []
      : [{ id, code: theirs, outcome: 'held', error: null }];
  });
  if (findings.length === 0) return held;
  const changes = findings.map(({ id, code }) => ({
    accountId: id,
    change: {
      version: readVersion(
        held.get(id)?.systemModstamp ?? 0,
        laterVersion(watermark, known.get(id) ?? never),
        readAt,
      ),
      extent: 'some' as const,
      values: new Map([[codes.field, code]]),
    },
    eligible: false,
    gap: false,
  }));
  await inTransaction(pool, async (client) => {
    await applyChanges(client, changes, codes);
    await noteFindings(client, findings);
  });
  return held;
}

type Sent = { readonly sent: readonly SentCode[]; readonly results: readonly CodeWriteResult[] };

/** Undefined where it had to wait for room, or was paused: what was read before may not hold any more. */
async function send(
  { pool, codes, connection, budget, timing }: BatchContext,
  writes: readonly DueCode[],
  waiting: Waiting,
): Promise<Sent | undefined> {
  let waited = false;
  const onWait = async (usage: ApiUsage | undefined): Promise<void> => {
    waited = true;
    await waiting.onWait(usage);
  };
  return budget.spend(
    async () => {
      if (waited) return undefined;
      const sent = await beginAttempts(pool, writes);
      if (sent.length === 0) return { sent, results: [] };
      if (!waiting.isSure()) {
        await leaveUnanswered(pool, sent, { ...paused, at: new Date().toISOString() });
        return undefined;
      }
      try {
        return { sent, results: await writeCodes(connection, codes.field, sent, timing.codeWriteTimeoutMs) };
      } catch (error) {
        const { code, message } = fromRestError(error);
        await leaveUnanswered(pool, sent, { code, message, at: new Date().toISOString() });
        throw error;
      }
    },
    { signal: waiting.signal, onWait },
  );
}

async function record(
  { pool, codes, patience, jobs }: BatchContext,
  batch: readonly DueCode[],
  { sent, results }: Sent,
): Promise<Verdict[]> {
  if (sent.length === 0) return [];
  const known = new Map(batch.map((waiting) => [waiting.id, waiting]));
  return inTransaction(pool, async (client) => {
    await lockMirror(client);
    const now = await lockWaiting(client, [...known.keys()]);
    const verdicts = sent.map(({ id, code }, index) => {
      const { tries = 0, refusals = 0 } = now.get(id) ?? known.get(id) ?? {};
      const answer = results[index] ?? noAnswer;
      return judgeAnswer({ id, code, tries, refusals }, answer, circumstances(codes, patience));
    });
    await saveVerdicts(client, verdicts);
    await closeAttempts(client, sent, verdicts);
    await jobs.enqueueRereads(
      client,
      verdicts
        .filter(({ answerClass, state }) => answerClass === 'gone' && state === 'pending')
        .map(({ id }) => id),
    );
    return verdicts;
  });
}

/** Accounts that Salesforce didn't find are read again: that tells whether they are deleted. */
async function recordGone(
  { pool, codes, patience, jobs }: BatchContext,
  lost: readonly DueCode[],
): Promise<Verdict[]> {
  if (lost.length === 0) return [];
  const verdicts = lost.map((waiting) => judgeAnswer(waiting, 'gone', circumstances(codes, patience)));
  await inTransaction(pool, async (client) => {
    await lockMirror(client);
    await saveVerdicts(client, verdicts);
    const findings = verdicts.map(({ id, code, error }) => ({ id, code, outcome: 'gone' as const, error }));
    await noteFindings(client, findings);
    await jobs.enqueueRereads(
      client,
      lost.map(({ id }) => id),
    );
  });
  return verdicts;
}

function circumstances({ generate }: CodeRules, patience: Patience) {
  return { random: Math.random(), generate, at: new Date().toISOString(), patience };
}

const paused = {
  code: 'paused',
  message: 'The process was paused before it sent this; another may write codes back by now.',
};

const noAnswer: CodeWriteResult = {
  success: false,
  code: 'UNKNOWN',
  message: 'Salesforce gave no answer for this record.',
  fields: [],
};
