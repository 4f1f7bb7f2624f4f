import type pg from 'pg';
import { countEvents, measureConfirmed } from '../activity.ts';
import type { AppContext } from '../context.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction, sentTogether } from '../db/database.ts';
import { isDataError } from '../db/database-fault.ts';
import type { Jobs } from '../db/jobs.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { omitUnmirrored } from '../fields/cover-fields.ts';
import { readUnmirroredNames } from '../fields/field-rows.ts';
import { closeRepaired } from '../incidents/close-incidents.ts';
import { type DetectedGaps, type ReportedEvent, recordIncidents } from '../incidents/detected-gaps.ts';
import { readKnownVersions, requestReads } from '../incidents/request-reads.ts';
import { webhookTopics } from '../ingest/store-webhooks.ts';
import { defaultRetention } from '../maintenance/retention-policy.ts';
import { clearReportedInvisible } from '../resync/deletion/clear-reported-invisible.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';
import { applyParts } from './apply-changes.ts';
import type { Decoded } from './decode-stored.ts';
import { deletedInMerges } from './deleted-in-merges.ts';
import { type EventEffect, effectOf } from './event-effect.ts';
import { type EventOutcome, type EventSource, saveEventOutcomes, takeFromQueue } from './event-rows.ts';
import { markDuplicates } from './mark-duplicates.ts';
import { topOf } from './merge.ts';
import { moveWatermark } from './move-watermark.ts';
import type { AccountChange, ApplyResult } from './plan-patch.ts';
import { type BatchReader, batchSize, createBatchReader } from './read-transactions.ts';
import { traceBatch } from './trace-batch.ts';
import { splitTransactions } from './transaction-group.ts';

export type ApplyContext = Pick<
  AppContext,
  'pool' | 'topic' | 'codes' | 'schemas' | 'jobs' | 'activity' | 'logger'
> & {
  /** Source of the events; the stream by default. */
  readonly source?: EventSource;
};

/**
 * Applies one batch of stored events: complete Salesforce transactions, in the order of arrival.
 * @param reader reads the next batch while this one is written
 * @returns the number of processed events; 0 if none is ready
 */
export async function applyWaiting(
  context: ApplyContext,
  reader: BatchReader = createBatchReader(context),
): Promise<number> {
  const batch = await reader.next();
  const { groups, isPartial } = batch;
  if (isPartial)
    context.logger.warn({ events: groups[0]?.length }, 'transaction exceeds the limit; applying it in parts');
  reader.readAfter(batch);
  try {
    return await applyTransactions(context, groups);
  } catch (error) {
    reader.discard();
    throw error;
  }
}

/** @returns the number of processed events */
export async function applyTransactions(
  context: ApplyContext,
  groups: readonly Decoded[][],
): Promise<number> {
  let done = 0;
  for (const batch of splitTransactions(groups, batchSize)) {
    await applyBatch(context, batch);
    done += batch.reduce((sum, group) => sum + group.length, 0);
  }
  return done;
}

// Events of a batch that are planned together.
const partSize = 125;

/** Applies a batch in one database transaction; if the data is refused, in one per Salesforce transaction. */
async function applyBatch(context: ApplyContext, groups: readonly Decoded[][]): Promise<void> {
  try {
    await commitBatch(context, groups);
  } catch (error) {
    const [only, ...others] = groups;
    if (!isDataError(error) || only === undefined) throw error;
    if (others.length > 0) {
      for (const group of groups) await applyBatch(context, [group]);
      return;
    }
    context.logger.error(
      { err: error, events: only.map(({ id }) => id) },
      'transaction could not be applied; its events failed',
    );
    await markFailed(context, only, (error as Error).message);
  }
}

async function commitBatch(context: ApplyContext, groups: readonly Decoded[][]): Promise<void> {
  const { outcomes, confirmed } = await traceBatch(groups.flat(), (onApplied) =>
    inTransaction(context.pool, async (client) => {
      const applied = await applyInTransaction(context, client, groups);
      onApplied();
      return applied;
    }),
  );
  countEvents(context.activity, outcomes);
  measureConfirmed(context.activity, confirmed);
}

/** Marks events as failed; without their headers if the database refuses those too. */
async function markFailed(context: ApplyContext, events: readonly Decoded[], reason: string): Promise<void> {
  const failed = events.map((event) => ({ ...event, error: reason }));
  try {
    await commitBatch(context, [failed]);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const withoutHeaders = failed.map((event) => ({ ...event, event: null }));
    await commitBatch(context, [withoutHeaders]);
  }
}

/**
 * Accounts of events that are older than the retention of field versions. A webhook can deliver them, but they cannot
 * be merged field by field any more, so the accounts are read.
 */
function accountsBeyondHorizon(results: readonly ProcessedEvent[]): string[] {
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
  groups: readonly Decoded[][],
): Promise<Pick<ApplyResult, 'confirmed'> & { readonly outcomes: readonly EventOutcome[] }> {
  const { source = 'stream' } = context;
  const topic = source === 'webhook' ? webhookTopics.changeEvents : context.topic;
  // Sent together; each statement begins after the one before it, and so after the lock is taken.
  const [, attemptsById, unmirrored] = await sentTogether([
    lockAccountWrites(client),
    takeFromQueue(
      client,
      topic,
      groups.flat().map(({ id }) => id),
    ),
    readUnmirroredNames(client),
  ]);
  const now = Date.now();
  const toResults = (event: Decoded): ProcessedEvent[] => {
    const attempts = attemptsById.get(event.id);
    return attempts === undefined ? [] : [processEvent(event, { source, attempts }, now)];
  };
  const parts = splitTransactions(groups, partSize).map((part) => part.flat().flatMap(toResults));
  const results = parts.flat();
  const changesOfParts: AccountChange[][] = [];
  const unknownIds: string[] = [];
  for (const part of parts) {
    const found = await changesOf(context, client, part, unmirrored, now);
    changesOfParts.push([...found.changes]);
    unknownIds.push(...found.unknownIds);
  }
  const outcomes = await markDuplicates(
    client,
    results.map(({ outcome }) => outcome),
    source,
  );
  let saved = 0;
  const applied = await applyParts(client, changesOfParts, context.codes, (index) => {
    const from = saved;
    saved += parts[index]?.length ?? 0;
    return saveEventOutcomes(client, outcomes.slice(from, saved));
  });
  const [before, visible] = await sentTogether([
    moveWatermark(client, context, headersOf(results), now),
    clearReportedInvisible(client, changesOfParts.flat()),
  ]);
  await enqueue(client, context.jobs, applied);
  const late = source === 'webhook' ? accountsBeyondHorizon(results) : [];
  const rereads = [...deletedInMerges(accountHeaders(results)), ...late, ...unknownIds, ...visible];
  await context.jobs.enqueueRereads(client, [...new Set(rereads)]);
  await recordIncidents(context, client, detectedGaps(results, applied), before);
  await closeRepaired(client);
  return { outcomes, confirmed: applied.confirmed };
}

/** Determines the effect of an event, and the outcome to save. */
function processEvent(
  { id, event, error }: Decoded,
  queued: Pick<EventOutcome, 'source' | 'attempts'>,
  now: number,
): ProcessedEvent {
  const base = { ...queued, id };
  if (event === null || error !== null) {
    const header = event?.header ?? null;
    const state = header !== null && header.entityName !== 'Account' ? 'skipped' : 'failed';
    return { outcome: { ...base, state, error, header }, effect: null };
  }
  try {
    const effect = effectOf(event, now);
    const { header } = event;
    if (effect.kind === 'ahead') {
      return { outcome: { ...base, state: 'skipped', error: reasonAhead(header, now), header }, effect };
    }
    const state = effect.kind === 'other' ? 'skipped' : 'applied';
    return { outcome: { ...base, state, error: null, header }, effect };
  } catch (refusal) {
    const reason = (refusal as Error).message;
    return { outcome: { ...base, state: 'failed', error: reason, header: event.header }, effect: null };
  }
}

function reasonAhead({ commitTimestamp }: ChangeEventHeader, now: number): string {
  const seconds = Math.round((commitTimestamp - now) / 1_000);
  return `The commit time is ${seconds} s ahead of the clock of this machine; the accounts are read from Salesforce instead.`;
}

/**
 * The changes to merge. Two kinds of events are not merged, but their accounts are read: those with a commit time ahead
 * of the clock, and events of webhooks without values for accounts that are not in the mirror.
 */
async function changesOf(
  { topic, source }: ApplyContext,
  client: pg.PoolClient,
  results: readonly ProcessedEvent[],
  unmirrored: ReadonlySet<string>,
  now: number,
): Promise<{ readonly changes: readonly AccountChange[]; readonly unknownIds: readonly string[] }> {
  const eventChanges = results.flatMap((result) => toChanges(result, unmirrored));
  const emptyIds =
    source === 'webhook' ? eventChanges.filter(isEmptyPatch).map(({ accountId }) => accountId) : [];
  const known = await readKnownVersions(client, emptyIds);
  const isUnknownAccount = (change: AccountChange): boolean =>
    source === 'webhook' && isEmptyPatch(change) && !known.has(change.accountId);
  const ahead = results.flatMap(({ effect }) => (effect?.kind === 'ahead' ? effect.accountIds : []));
  const reported = [...ahead, ...eventChanges.filter(isUnknownAccount).map(({ accountId }) => accountId)];
  const { changes, unknownIds } = await requestReads(
    client,
    topic,
    [...new Set(reported)].map((id) => ({ id, reportedAt: now })),
  );
  return { changes: [...eventChanges.filter((change) => !isUnknownAccount(change)), ...changes], unknownIds };
}

function isEmptyPatch({ change }: AccountChange): boolean {
  return change.kind === 'patch' && change.values.size === 0;
}

/** Headers of the events that concern accounts by id. */
function accountHeaders(results: readonly ProcessedEvent[]): ChangeEventHeader[] {
  return headersOf(results.filter(({ effect }) => effect?.kind === 'accounts'));
}

/** Headers of the events that could be processed. */
function headersOf(results: readonly ProcessedEvent[]): ChangeEventHeader[] {
  return results.flatMap(({ outcome: { header }, effect }) =>
    effect !== null && header !== null ? [header] : [],
  );
}

function toChanges(
  { outcome: { id, header }, effect }: ProcessedEvent,
  unmirrored: ReadonlySet<string>,
): AccountChange[] {
  if (effect?.kind !== 'accounts' || header === null) return [];
  const { creates, isGapEvent, missing } = effect.effect;
  const change = omitUnmirrored(effect.effect.change, unmirrored);
  const gap = isGapEvent || missing.some((path) => !unmirrored.has(topOf(path)));
  const event = { id, changeType: header.changeType };
  return effect.accountIds.map((accountId) => ({ accountId, change, gap, eligible: creates, event }));
}

function detectedGaps(results: readonly ProcessedEvent[], { stale }: ApplyResult): DetectedGaps {
  const select = (matches: (effect: EventEffect) => boolean): ReportedEvent[] =>
    results.flatMap(({ outcome: { id, header }, effect }) =>
      header !== null && effect !== null && matches(effect) ? [{ id, header }] : [],
    );
  return {
    gaps: select((effect) => effect.kind === 'accounts' && effect.effect.isGapEvent),
    ahead: select((effect) => effect.kind === 'ahead'),
    everything: select((effect) => effect.kind === 'everything'),
    failed: results.flatMap(({ outcome }) => (outcome.state === 'failed' ? [outcome] : [])),
    stale,
  };
}

export async function enqueue(client: pg.PoolClient, jobs: Jobs, applied: ApplyResult): Promise<void> {
  if (applied.writeBacks.length > 0) await sendWakeUp(client, 'write-back');
  await jobs.enqueueRereads(client, applied.stale);
}

type ProcessedEvent = { readonly outcome: EventOutcome; readonly effect: EventEffect | null };
