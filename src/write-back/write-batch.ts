import { applyChanges } from '../apply/apply-changes.ts';
import { laterVersion, readVersion, type Version, zeroVersion } from '../apply/version.ts';
import { inTransaction } from '../db/database.ts';
import { readKnownVersions } from '../incidents/request-reads.ts';
import { readWatermark } from '../ingest/subscription-rows.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import { fromRestError } from '../salesforce/error.ts';
import { readCodes, writeCodes } from '../salesforce/signup-codes.ts';
import type { BatchContext } from './context.ts';
import type { CallVerdict, Evidence } from './judge-call.ts';
import type { Verdict } from './judge-result.ts';
import { type ReadCode, recordAnswers, recordGone, type Sent } from './record-results.ts';
import { beginAttempts, type DueCode, type Finding, leaveUnanswered, saveFindings } from './waiting-codes.ts';

export type Waiting = {
  readonly signal: AbortSignal;
  /** What calls before this one have shown. */
  readonly evidence: Evidence;
  /** Whether no other process can be writing back by now. */
  readonly isSure: () => boolean;
  readonly onWait: (usage: ApiUsage | undefined) => Promise<void>;
};

/** What became of a batch. */
export type BatchReport = {
  /** Of the codes that were sent, and of those that can't be. */
  readonly verdicts: readonly Verdict[];
  /** The call that wrote; null where nothing was sent. */
  readonly call: CallVerdict | null;
};

/**
 * Brings the codes of up to 200 accounts to Salesforce: one query reads what it holds, one call writes. What it holds
 * already is adopted, not overwritten; what it refuses is on record with its reason. Doing it again does no harm: the
 * same code is sent. Nothing is sent where room for the call came too late: then the reading has to be done again.
 *
 * @throws SalesforceError where a call failed as a whole: the outcome is unknown, and the codes go on waiting
 */
export async function writeBatch(
  context: BatchContext,
  batch: readonly DueCode[],
  waiting: Waiting,
): Promise<BatchReport> {
  const held = await adoptHeld(context, batch, waiting);
  const lost = batch.filter(({ id }) => !held.has(id));
  const goneOnes = await recordGone(context, lost);
  const writes = batch.filter(({ id, code, replaces }) => {
    const theirs = held.get(id);
    return theirs !== undefined && mayWrite(theirs.code, code, replaces);
  });
  if (writes.length === 0) return { verdicts: goneOnes, call: null };
  const answered = await send(context, writes, waiting);
  if (answered === undefined || answered.sent.length === 0) return { verdicts: goneOnes, call: null };
  const call = await recordAnswers(context, writes, held, answered, waiting.evidence);
  return { verdicts: [...goneOnes, ...call.verdicts], call };
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
): Promise<Map<string, ReadCode>> {
  const { pool, topic, codes, org } = context;
  const { connection, budget } = org;
  let watermark = zeroVersion;
  let known: ReadonlyMap<string, Version> = new Map();
  let readAt = 0;
  const ids = batch.map(({ id }) => id);
  const found = await budget.spend(async () => {
    watermark = await readWatermark(pool, topic);
    known = await readKnownVersions(pool, ids);
    readAt = Date.now();
    return readCodes(connection, codes.field, ids);
  }, waiting);
  const held = new Map(
    [...found].map(([id, { code, systemModstamp }]) => [
      id,
      {
        code,
        version: readVersion(systemModstamp, laterVersion(watermark, known.get(id) ?? zeroVersion), readAt),
      },
    ]),
  );
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
      version: held.get(id)?.version ?? zeroVersion,
      kind: 'patch' as const,
      values: new Map([[codes.field, code]]),
    },
    eligible: false,
    gap: false,
  }));
  await inTransaction(pool, async (client) => {
    await applyChanges(client, changes, codes);
    await saveFindings(client, findings);
  });
  return held;
}

/** Undefined where it had to wait for room, or was paused: what was read before may not hold any more. */
async function send(
  { pool, codes, org: { connection, budget }, timing }: BatchContext,
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
      if (sent.length === 0) return { sent, results: [], answeredAt: 0 };
      if (!waiting.isSure()) {
        await leaveUnanswered(pool, sent, { ...paused, at: new Date().toISOString() });
        return undefined;
      }
      try {
        const results = await writeCodes(connection, codes.field, sent, timing.codeWriteTimeoutMs);
        return { sent, results, answeredAt: Date.now() };
      } catch (error) {
        const { code, message } = fromRestError(error);
        await leaveUnanswered(pool, sent, { code, message, at: new Date().toISOString() });
        throw error;
      }
    },
    { signal: waiting.signal, onWait },
  );
}

const paused = {
  code: 'paused',
  message: 'The process was paused before it sent this; another may write codes back by now.',
};
