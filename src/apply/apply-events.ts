import type pg from 'pg';
import type { AppContext } from '../context.ts';
import { inTransaction } from '../db/database.ts';
import { isDataError } from '../db/is-data-error.ts';
import type { Jobs } from '../db/jobs.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { closeRepaired } from '../incidents/close-incidents.ts';
import { type DetectedGaps, type ReportedEvent, recordIncidents } from '../incidents/detected-gaps.ts';
import { readKnownVersions, requestReads } from '../incidents/request-reads.ts';
import { defaultRetention } from '../maintenance/retention-policy.ts';
import { clearReportedInvisible } from '../resync/deletion/clear-reported-invisible.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';
import { type AccountChange, type ApplyResult, applyChanges, lockAccountWrites } from './apply-changes.ts';
import { type Decoded, tryDecode } from './decode-stored.ts';
import { type EventEffect, effectOf } from './event-effect.ts';
import {
  type EventOutcome,
  lockWaitingEvents,
  markEvents,
  type ReadingLimit,
  readNewest,
  readWaiting,
} from './event-rows.ts';
import { type EventSource, markCopies } from './mark-copies.ts';
import { moveWatermark } from './move-watermark.ts';
import { completeTransactions } from './transaction-group.ts';

export type ApplyContext = Pick<AppContext, 'pool' | 'topic' | 'codes' | 'schemas' | 'jobs' | 'logger'> & {
  /** Where the events came from; the stream by default. */
  readonly source?: EventSource;
};

// Events in one database transaction, unless one Salesforce transaction is larger.
const batchSize = 250;
// What is read of the log at once, at first; a transaction that is larger has more read.
const firstReading: ReadingLimit = { events: batchSize, bytes: 16 * 1024 ** 2 };
// Salesforce ends a transaction of more changes in an overflow; a larger one is applied in parts.
const largestTransaction: ReadingLimit = { events: 100_000, bytes: 256 * 1024 ** 2 };

/**
 * Applies what waits in the log: whole Salesforce transactions, in the order of arrival.
 * @returns how many events were dealt with; 0 when nothing is ready
 */
export async function applyWaiting(context: ApplyContext): Promise<number> {
  const { groups, partial } = await readyTransactions(context);
  if (partial)
    context.logger.warn({ events: groups[0]?.length }, 'a very large transaction is applied in parts');
  return applyTransactions(context, groups);
}

/** @returns how many events were dealt with */
export async function applyTransactions(
  context: ApplyContext,
  groups: readonly Decoded[][],
): Promise<number> {
  let done = 0;
  for (const batch of batches(groups)) {
    await applyBatch(context, batch);
    done += batch.reduce((sum, group) => sum + group.length, 0);
  }
  return done;
}

/** The complete transactions at the front of the log, decoded. */
async function readyTransactions(context: ApplyContext): Promise<{ groups: Decoded[][]; partial: boolean }> {
  for (let limit = firstReading; ; limit = larger(limit)) {
    const { events, quietThrough, cut } = await readWaiting(context.pool, context.topic, limit);
    const decoded = await Promise.all(events.map((event) => tryDecode(event, context.schemas)));
    // Where the reading was cut off, the last transaction may go on behind it.
    const groups = completeTransactions(decoded, cut ? -1n : quietThrough);
    if (groups.length > 0 || !cut) return { groups, partial: false };
    // Reading on would be in vain, and dear: as often as a part of the transaction comes, all of it would be read.
    if (await isUnderWay(context, decoded[0])) return { groups, partial: false };
    // What cut the reading off is what has to grow.
    const bound = events.length < limit.events ? 'bytes' : 'events';
    const isLargest = limit[bound] === largestTransaction[bound];
    if (isLargest) return { groups: [decoded], partial: true };
  }
}

function larger({ events, bytes }: ReadingLimit): ReadingLimit {
  return {
    events: Math.min(events * 4, largestTransaction.events),
    bytes: Math.min(bytes * 4, largestTransaction.bytes),
  };
}

/** Whether the transaction at the front of the log is also the newest, and may go on. */
async function isUnderWay(
  { pool, topic, schemas }: ApplyContext,
  first: Decoded | undefined,
): Promise<boolean> {
  const newest = await readNewest(pool, topic);
  if (newest === undefined || newest.id <= newest.quietThrough) return false;
  const { transactionKey } = await tryDecode(newest, schemas);
  return transactionKey !== null && transactionKey === first?.transactionKey;
}

function batches(groups: readonly Decoded[][]): Decoded[][][] {
  const result: Decoded[][][] = [];
  let size = batchSize;
  for (const group of groups) {
    if (size + group.length > batchSize) {
      result.push([]);
      size = 0;
    }
    result.at(-1)?.push(group);
    size += group.length;
  }
  return result;
}

/** One database transaction for the whole batch; where that fails, one for each of its transactions. */
async function applyBatch(context: ApplyContext, groups: readonly Decoded[][]): Promise<void> {
  try {
    await inTransaction(context.pool, (client) => applyInTransaction(context, client, groups.flat()));
  } catch (error) {
    const [only, ...others] = groups;
    if (!isDataError(error) || only === undefined) throw error;
    if (others.length > 0) {
      for (const group of groups) await applyBatch(context, [group]);
      return;
    }
    context.logger.error(
      { err: error, events: only.map(({ id }) => id) },
      'a transaction could not be applied',
    );
    await setAside(context, only, (error as Error).message);
  }
}

/** Marks events as failed; without what they say of themselves where even that is refused. */
async function setAside(context: ApplyContext, events: readonly Decoded[], reason: string): Promise<void> {
  const failed = events.map((event) => ({ ...event, error: reason }));
  try {
    await inTransaction(context.pool, (client) => applyInTransaction(context, client, failed));
  } catch (error) {
    if (!isDataError(error)) throw error;
    const bare = failed.map((event) => ({ ...event, event: null }));
    await inTransaction(context.pool, (client) => applyInTransaction(context, client, bare));
  }
}

/**
 * Single versions are kept for so long only, and a webhook may come at any time: what is older can't be merged field by
 * field any more, and the record itself tells.
 */
function tooLate(results: readonly Judged[]): string[] {
  const horizon = Date.now() - defaultRetention.versionsMs;
  return results.flatMap(({ effect, outcome: { header } }) =>
    effect?.kind === 'accounts' && header !== null && header.commitTimestamp < horizon
      ? [...effect.accountIds]
      : [],
  );
}

async function applyInTransaction(
  context: ApplyContext,
  client: pg.PoolClient,
  decoded: readonly Decoded[],
): Promise<void> {
  const waiting = await lockWaitingEvents(
    client,
    decoded.map(({ id }) => id),
  );
  const now = Date.now();
  const results = decoded.filter(({ id }) => waiting.has(id)).map((event) => judge(event, now));
  await lockAccountWrites(client);
  const { changes, unknownIds } = await changesOf(context, client, results, now);
  const applied = await applyChanges(client, changes, context.codes);
  await markEvents(
    client,
    await markCopies(
      client,
      results.map(({ outcome }) => outcome),
      context.source ?? 'stream',
    ),
  );
  const before = await moveWatermark(client, context, headersOf(results), now);
  await enqueue(client, context.jobs, applied);
  const late = context.source === 'webhook' ? tooLate(results) : [];
  const visible = await clearReportedInvisible(client, changes);
  const others = [...deletedInMerges(results), ...late, ...unknownIds, ...visible];
  await context.jobs.enqueueRereads(client, [...new Set(others)]);
  await recordIncidents(context, client, holesOf(results, applied), before);
  await closeRepaired(client);
}

/** What an event does, and what is to be noted of it. */
function judge({ id, event, error }: Decoded, now: number): Judged {
  if (event === null || error !== null) {
    return { outcome: { id, state: 'failed', error, header: event?.header ?? null }, effect: null };
  }
  try {
    const effect = effectOf(event, now);
    const { header } = event;
    if (effect.kind === 'ahead') {
      return { outcome: { id, state: 'skipped', error: reasonAhead(header, now), header }, effect };
    }
    const state = effect.kind === 'other' ? 'skipped' : 'applied';
    return { outcome: { id, state, error: null, header }, effect };
  } catch (refusal) {
    const reason = (refusal as Error).message;
    return { outcome: { id, state: 'failed', error: reason, header: event.header }, effect: null };
  }
}

function reasonAhead({ commitTimestamp }: ChangeEventHeader, now: number): string {
  const seconds = Math.round((commitTimestamp - now) / 1_000);
  return `Its commit time lies ${seconds} s ahead of this machine's clock: its accounts are read from Salesforce instead.`;
}

/**
 * What is merged. An event that is dated ahead, and one of a webhook that brings no values of an account that the
 * mirror does not hold, only say that accounts changed.
 */
async function changesOf(
  { topic, source }: ApplyContext,
  client: pg.PoolClient,
  results: readonly Judged[],
  now: number,
): Promise<{ readonly changes: readonly AccountChange[]; readonly unknownIds: readonly string[] }> {
  const told = results.flatMap(toChanges);
  const bare = source === 'webhook' ? told.filter(isBare).map(({ accountId }) => accountId) : [];
  const held = await readKnownVersions(client, bare);
  const isPhantom = (change: AccountChange): boolean =>
    source === 'webhook' && isBare(change) && !held.has(change.accountId);
  const ahead = results.flatMap(({ effect }) => (effect?.kind === 'ahead' ? effect.accountIds : []));
  const reported = [...ahead, ...told.filter(isPhantom).map(({ accountId }) => accountId)];
  const { changes, unknownIds } = await requestReads(
    client,
    topic,
    [...new Set(reported)].map((id) => ({ id, reportedAt: now })),
  );
  return { changes: [...told.filter((change) => !isPhantom(change)), ...changes], unknownIds };
}

function isBare({ change }: AccountChange): boolean {
  return change.kind === 'patch' && change.values.size === 0;
}

/** Of the events that could be read. */
function headersOf(results: readonly Judged[]): ChangeEventHeader[] {
  return results.flatMap(({ outcome: { header }, effect }) =>
    effect !== null && header !== null ? [header] : [],
  );
}

function toChanges({ outcome: { id, header }, effect }: Judged): AccountChange[] {
  if (effect?.kind !== 'accounts' || header === null) return [];
  const { change, creates, gap } = effect.effect;
  const event = { id, changeType: header.changeType };
  return effect.accountIds.map((accountId) => ({ accountId, change, gap, eligible: creates, event }));
}

function holesOf(results: readonly Judged[], { stale }: ApplyResult): DetectedGaps {
  const told = (concerns: (effect: EventEffect) => boolean): ReportedEvent[] =>
    results.flatMap(({ outcome: { id, header }, effect }) =>
      header !== null && effect !== null && concerns(effect) ? [{ id, header }] : [],
    );
  return {
    gaps: told((effect) => effect.kind === 'accounts' && effect.effect.isGapEvent),
    ahead: told((effect) => effect.kind === 'ahead'),
    everything: told((effect) => effect.kind === 'everything'),
    failed: results.flatMap(({ outcome }) => (outcome.state === 'failed' ? [outcome] : [])),
    stale,
  };
}

/**
 * Accounts that may have been merged into others: deleted in a transaction that updated another one. No event says so;
 * the deleted record does.
 */
function deletedInMerges(results: readonly Judged[]): string[] {
  const headers = results.flatMap(({ effect, outcome: { header } }) =>
    effect?.kind === 'accounts' && header !== null ? [header] : [],
  );
  const updating = new Set(
    headers.filter(({ changeType }) => changeType === 'UPDATE').map(({ transactionKey }) => transactionKey),
  );
  return headers
    .filter(({ changeType, transactionKey }) => changeType === 'DELETE' && updating.has(transactionKey))
    .flatMap(({ recordIds }) => recordIds);
}

export async function enqueue(client: pg.PoolClient, jobs: Jobs, applied: ApplyResult): Promise<void> {
  if (applied.writeBacks.length > 0) await sendWakeUp(client, 'write-back');
  await jobs.enqueueRereads(client, applied.stale);
}

type Judged = { readonly outcome: EventOutcome; readonly effect: EventEffect | null };
