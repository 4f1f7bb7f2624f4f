import type pg from 'pg';
import type { Version } from '../apply/version.ts';
import type { Jobs } from '../db/jobs.ts';
import { type ResyncRequest, requestResync } from '../resync/request-resync.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';
import { parseRecordId } from '../salesforce/record-id.ts';
import { extendIncident, type IncidentCause, openIncident } from './incident-rows.ts';

/** What was found missing while a batch of events was applied. */
export type DetectedGaps = {
  /** Events that say that accounts changed, not what. */
  readonly gaps: readonly ReportedEvent[];
  /** Events that are dated ahead of the clock; their accounts are read instead. */
  readonly ahead: readonly ReportedEvent[];
  /** Events that say that anything may have changed. */
  readonly everything: readonly ReportedEvent[];
  /** Events without effect; with a header where that at least could be read. */
  readonly failed: readonly { readonly id: bigint; readonly header: ChangeEventHeader | null }[];
  /** Accounts that became uncertain, for whatever reason. */
  readonly stale: readonly string[];
};

export type ReportedEvent = { readonly id: bigint; readonly header: ChangeEventHeader };

type HoleContext = { readonly topic: string; readonly jobs: Jobs };

// Commit times differ by a second within a transaction, and clocks by more.
const marginMs = 5 * 60_000;

/**
 * Puts every hole on record and sets its repair going, in the transaction that found it.
 * @param before the watermark before the batch: what can't be decoded was committed after it
 */
export async function recordIncidents(
  context: HoleContext,
  client: pg.PoolClient,
  holes: DetectedGaps,
  before: Version,
): Promise<void> {
  await recordGaps(context, client, holes);
  await recordAhead(context, client, holes);
  await recordUnseen(context, client, holes);
  for (const { id, header } of holes.everything) {
    const overflow = header.changeType === 'GAP_OVERFLOW';
    await repairByResync(context, client, {
      cause: overflow ? 'overflow' : 'object changed',
      detail: overflow
        ? `Transaction ${header.transactionKey} was too large: Salesforce told only a part of it.`
        : `${header.changeType} of ${header.recordIds.join(', ')}: it concerns every account.`,
      eventIds: [id],
      from: new Date(header.commitTimestamp),
      request: { scope: 'all', reason: overflow ? 'overflow' : 'object changed' },
    });
  }
  await recordFailed(context, client, holes.failed, before);
}

async function recordGaps(
  { topic }: HoleContext,
  client: pg.PoolClient,
  { gaps }: DetectedGaps,
): Promise<void> {
  if (gaps.length === 0) return;
  const times = gaps.map(({ header }) => header.commitTimestamp);
  const accountIds = [...new Set(gaps.flatMap(({ header }) => header.recordIds))];
  await openIncident(client, {
    topic,
    cause: 'gap',
    detail: `${gaps.length} gap events: ${accountIds.length} accounts changed without values.`,
    extent: 'accounts',
    accountIds,
    eventIds: gaps.map(({ id }) => id),
    from: new Date(Math.min(...times)),
    to: new Date(Math.max(...times)),
  });
}

/** A clock that is behind makes all events look like this: they share one incident for as long as it is open. */
async function recordAhead(
  { topic }: HoleContext,
  client: pg.PoolClient,
  { ahead }: DetectedGaps,
): Promise<void> {
  if (ahead.length === 0) return;
  const times = ahead.map(({ header }) => header.commitTimestamp);
  const accountIds = [...new Set(ahead.flatMap(({ header }) => header.recordIds))];
  const seconds = Math.round((Math.max(...times) - Date.now()) / 1_000);
  await extendIncident(client, {
    topic,
    cause: 'dated ahead',
    detail: `Events are dated up to ${seconds} s ahead of this machine's clock: their accounts are read from Salesforce instead. Check the clock.`,
    extent: 'accounts',
    accountIds,
    eventIds: ahead.map(({ id }) => id),
    from: new Date(),
    to: new Date(),
  });
}

/** After the initial load every account has been told of once; one that has not been points at a loss. */
async function recordUnseen(
  { topic }: HoleContext,
  client: pg.PoolClient,
  { gaps, ahead, stale }: DetectedGaps,
): Promise<void> {
  const told = new Set([...gaps, ...ahead].flatMap(({ header }) => header.recordIds));
  const unexplained = stale.filter((id) => !told.has(id));
  if (unexplained.length === 0) return;
  const { rows } = await client.query<{ id: string }>({
    name: 'unseen-accounts',
    text: `select id from accounts
            where id = any($1::text[]) and base_version = '0.0.0.0'
              and exists (select from subscriptions where topic = $2 and loaded_at is not null)`,
    values: [unexplained, topic],
  });
  if (rows.length === 0) return;
  await openIncident(client, {
    topic,
    cause: 'unseen account',
    detail: `${rows.length} accounts changed that had never been told of.`,
    extent: 'accounts',
    accountIds: rows.map(({ id }) => id),
  });
}

/** Reads what the failed events would have told: the accounts that they name, else all that changed since. */
async function recordFailed(
  context: HoleContext,
  client: pg.PoolClient,
  failed: DetectedGaps['failed'],
  before: Version,
): Promise<void> {
  if (failed.length === 0) return;
  const named = failed.flatMap(({ header }) => header?.recordIds ?? []).map((id) => parseRecordId(id));
  const accountIds = [...new Set(named.filter((id) => id !== undefined))];
  const known = failed.every(({ header }) => header !== null) && accountIds.length > 0;
  const since = new Date(before[0] - marginMs);
  const request: ResyncRequest = known
    ? { scope: 'accounts', reason: 'failed event', accountIds }
    : before[0] === 0
      ? { scope: 'all', reason: 'failed event' }
      : { scope: 'since', reason: 'failed event', since };
  await repairByResync(context, client, {
    cause: 'failed event',
    detail: `${failed.length} events could not be applied; see the events with the state failed.`,
    eventIds: failed.map(({ id }) => id),
    ...(known || before[0] === 0 ? {} : { from: since }),
    request,
  });
}

export type ResyncRepair = {
  readonly cause: IncidentCause;
  readonly detail: string;
  readonly eventIds?: readonly bigint[];
  readonly from?: Date;
  readonly request: ResyncRequest;
};

/** Opens an incident that is closed when a resync, enqueued here, has read everything in its extent. */
export async function repairByResync(
  { topic, jobs }: HoleContext,
  client: pg.PoolClient,
  { request, ...incident }: ResyncRepair,
): Promise<string> {
  const resyncId = await requestResync(client, jobs.enqueueResync, request);
  const accountIds = request.accountIds ?? [];
  await openIncident(client, {
    ...incident,
    topic,
    extent: request.scope,
    accountIds,
    to: new Date(),
    resyncId,
  });
  return resyncId;
}
