import { SpanKind } from '@opentelemetry/api';
import { countCodes, measureConfirmed } from '../activity.ts';
import { applyChanges } from '../apply/apply-changes.ts';
import { laterVersion, readVersion, type Version, zeroVersion } from '../apply/version.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction } from '../db/database.ts';
import { readKnownVersions } from '../incidents/request-reads.ts';
import { readWatermark } from '../ingest/subscription-rows.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import { fromRestError } from '../salesforce/error.ts';
import { readCodes, writeCodes } from '../salesforce/signup-codes.ts';
import { codeTraceId, isTracing, type Period, recordSpan } from '../tracing.ts';
import type { BatchContext } from './context.ts';
import type { CallOutcome, Evidence } from './judge-call.ts';
import type { AttemptOutcome } from './judge-result.ts';
import { type ReadCode, recordMissingAccounts, recordResults, type Sent } from './record-results.ts';
import {
  beginAttempts,
  type DueCode,
  type Finding,
  markUnanswered,
  type SentCode,
  saveFindings,
} from './waiting-codes.ts';

export type BatchOptions = {
  readonly signal: AbortSignal;
  /** What earlier calls have shown. */
  readonly evidence: Evidence;
  /** Whether this process certainly still holds the lock of the leader. */
  readonly isLockConfirmed: () => boolean;
  readonly onWait: (usage: ApiUsage | undefined) => Promise<void>;
};

/** The result of a batch. */
export type BatchReport = {
  /** Of the codes that were sent, and of accounts that Salesforce did not return. */
  readonly outcomes: readonly AttemptOutcome[];
  /** The outcome of the write call; null if nothing was sent. */
  readonly call: CallOutcome | null;
};

/**
 * Writes the codes of up to 200 accounts to Salesforce: one query reads the current codes, one call writes. A code that
 * Salesforce already has is adopted, not overwritten; a refusal is stored with its reason. A repetition is harmless,
 * because it sends the same code. If the write call has to wait for the API budget, nothing is sent: the read is
 * outdated.
 *
 * @throws SalesforceError if a call failed as a whole: its result is unknown, and the codes stay pending
 */
export async function writeBatch(
  context: BatchContext,
  batch: readonly DueCode[],
  options: BatchOptions,
): Promise<BatchReport> {
  const held = await adoptExistingCodes(context, batch, options);
  const missing = await recordMissingAccounts(
    context,
    batch.filter(({ id }) => !held.has(id)),
  );
  const writes = batch.filter(({ id, code, replaces }) => {
    const current = held.get(id);
    return current !== undefined && mayWrite(current.code, code, replaces);
  });
  countCodes(context.activity, missing);
  if (writes.length === 0) return { outcomes: missing, call: null };
  const response = await send(context, writes, options);
  if (response === undefined || response.sent.length === 0) return { outcomes: missing, call: null };
  const call = await recordResults(context, writes, held, response, options.evidence);
  countCodes(context.activity, call.outcomes);
  return { outcomes: [...missing, ...call.outcomes], call };
}

/** Whether a code may be written: the field is empty, or has a code that is replaced on request. */
export function mayWrite(held: string | null, code: string, replaces: readonly string[]): boolean {
  return held === null || (held !== code && replaces.includes(held));
}

/** Reads the codes that Salesforce has, and merges those that are kept into the mirror like any other read. */
async function adoptExistingCodes(
  context: BatchContext,
  batch: readonly DueCode[],
  options: BatchOptions,
): Promise<Map<string, ReadCode>> {
  const { pool, topic, codes, org, activity } = context;
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
  }, options);
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
    const current = held.get(id)?.code ?? null;
    return current === null || mayWrite(current, code, replaces)
      ? []
      : [{ id, code: current, outcome: 'held', error: null }];
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
  const { confirmed } = await inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    const applied = await applyChanges(client, changes, codes);
    await saveFindings(client, findings);
    return applied;
  });
  measureConfirmed(activity, confirmed);
  return held;
}

/** @returns undefined if the call had to wait or the lock may be lost: the read before may be outdated */
async function send(
  { pool, codes, org: { connection, budget }, timing }: BatchContext,
  writes: readonly DueCode[],
  options: BatchOptions,
): Promise<Sent | undefined> {
  let waited = false;
  const onWait = async (usage: ApiUsage | undefined): Promise<void> => {
    waited = true;
    await options.onWait(usage);
  };
  return budget.spend(
    async () => {
      if (waited) return undefined;
      const sent = await beginAttempts(pool, writes);
      if (sent.length === 0) return { sent, results: [], answeredAt: 0 };
      if (!options.isLockConfirmed()) {
        await markUnanswered(pool, sent, { ...paused, at: new Date().toISOString() });
        return undefined;
      }
      try {
        const sentAt = Date.now();
        const results = await writeCodes(connection, codes.field, sent, timing.codeWriteTimeoutMs);
        const answeredAt = Date.now();
        traceWrites(sent, [sentAt, answeredAt]);
        return { sent, results, answeredAt };
      } catch (error) {
        const { code, message } = fromRestError(error);
        await markUnanswered(pool, sent, { code, message, at: new Date().toISOString() });
        throw error;
      }
    },
    { signal: options.signal, onWait },
  );
}

/** Records the call in the trace of each code. */
function traceWrites(sent: readonly SentCode[], period: Period): void {
  if (!isTracing()) return;
  for (const { id, code } of sent)
    recordSpan(codeTraceId(id, code), 'write', period, { kind: SpanKind.CLIENT });
}

const paused = {
  code: 'paused',
  message: 'The process was paused before it sent this code; another process may be the leader now.',
};
