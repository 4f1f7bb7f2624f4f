import type pg from 'pg';
import type { Version } from '../apply/version.ts';
import type { Jobs } from '../db/jobs.ts';
import { type ResyncRequest, requestRepair } from '../resync/request-resync.ts';
import type { ChangeEventHeader } from '../salesforce/change-event.ts';
import { parseRecordId } from '../salesforce/record-id.ts';
import { extendIncident, extendRepairIncident, type IncidentCause, openIncident } from './incident-rows.ts';

/** Gaps that were detected while a batch of events was applied. */
export type DetectedGaps = {
  /** Events that report changes of accounts without values. */
  readonly gaps: readonly ReportedEvent[];
  /** Events that are dated ahead of the clock; their accounts are read instead. */
  readonly ahead: readonly ReportedEvent[];
  /** Events that report changes of all accounts. */
  readonly everything: readonly ReportedEvent[];
  /** Events that could not be applied; the header is null if it could not be decoded. */
  readonly failed: readonly {
    readonly id: bigint;
    readonly header: ChangeEventHeader | null;
    readonly error: string | null;
  }[];
  /** Accounts that became stale. */
  readonly stale: readonly string[];
};

export type ReportedEvent = { readonly id: bigint; readonly header: ChangeEventHeader };

type IncidentContext = { readonly topic: string; readonly jobs: Jobs };

// Tolerance for commit times and clocks.
const marginMs = 5 * 60_000;

/**
 * Opens an incident for each gap and starts its repair, in the transaction that detected it.
 * @param before the watermark before the batch: events that cannot be decoded were committed after it
 */
export async function recordIncidents(
  context: IncidentContext,
  client: pg.PoolClient,
  detected: DetectedGaps,
  before: Version,
): Promise<void> {
  await recordGaps(context, client, detected);
  await recordAhead(context, client, detected);
  await recordUnseen(context, client, detected);
  for (const { id, header } of detected.everything) {
    const overflow = header.changeType === 'GAP_OVERFLOW';
    await repairByResync(context, client, {
      cause: overflow ? 'overflow' : 'object changed',
      detail: overflow
        ? `Transaction ${header.transactionKey} was too large: Salesforce sent only a part of it.`
        : `${header.changeType} of ${header.recordIds.join(', ')}: it concerns every account.`,
      eventIds: [id],
      from: new Date(header.commitTimestamp),
      request: { scope: 'all', reason: overflow ? 'overflow' : 'object changed' },
    });
  }
  await recordFailed(context, client, detected.failed, before);
}

async function recordGaps(
  { topic }: IncidentContext,
  client: pg.PoolClient,
  { gaps }: DetectedGaps,
): Promise<void> {
  if (gaps.length === 0) return;
  const times = gaps.map(({ header }) => header.commitTimestamp);
  const accountIds = [...new Set(gaps.flatMap(({ header }) => header.recordIds))];
  await openIncident(client, {
    topic,
    cause: 'gap',
    detail: `Gap events: ${gaps.length}. Accounts that changed without values: ${accountIds.length}.`,
    extent: 'accounts',
    accountIds,
    eventIds: gaps.map(({ id }) => id),
    from: new Date(Math.min(...times)),
    to: new Date(Math.max(...times)),
  });
}

/** If the local clock is behind, all events are dated ahead: they share one open incident. */
async function recordAhead(
  { topic }: IncidentContext,
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

/** After the initial load, a change of an account that the mirror has never seen indicates a lost event. */
async function recordUnseen(
  { topic }: IncidentContext,
  client: pg.PoolClient,
  { gaps, ahead, stale }: DetectedGaps,
): Promise<void> {
  const reported = new Set([...gaps, ...ahead].flatMap(({ header }) => header.recordIds));
  const unexplained = stale.filter((id) => !reported.has(id));
  if (unexplained.length === 0) return;
  const { rows } = await client.query<{ id: string }>({
    name: 'accounts-without-creation',
    text: `select id from accounts
            where id = any($1::text[]) and base_version = '0.0.0.0'
              and exists (select from subscriptions where topic = $2 and loaded_at is not null)`,
    values: [unexplained, topic],
  });
  if (rows.length === 0) return;
  await openIncident(client, {
    topic,
    cause: 'unseen account',
    detail: `Accounts that changed without a known creation: ${rows.length}.`,
    extent: 'accounts',
    accountIds: rows.map(({ id }) => id),
  });
}

/**
 * Reads the accounts of failed events, and everything that changed since if a header could not be decoded or does not name
 * the accounts.
 */
async function recordFailed(
  context: IncidentContext,
  client: pg.PoolClient,
  failed: DetectedGaps['failed'],
  before: Version,
): Promise<void> {
  if (failed.length === 0) return;
  const accountIds = [...new Set(failed.flatMap(({ header }) => accountsOf(header) ?? []))];
  const isKnown = accountIds.length > 0 && failed.every(({ header }) => accountsOf(header) !== undefined);
  const since = new Date(before[0] - marginMs);
  const reason = 'failed event';
  const request: ResyncRequest = isKnown
    ? { scope: 'accounts', reason, accountIds }
    : before[0] === 0
      ? { scope: 'all', reason }
      : { scope: 'since', reason, since, accountIds };
  await repairByResync(context, client, {
    cause: 'failed event',
    detail: `Events could not be applied. The first error: ${failed[0]?.error?.slice(0, 300)}`,
    eventIds: failed.map(({ id }) => id),
    ...(request.scope === 'since' ? { from: since } : {}),
    request,
  });
}

/** The accounts that a header names; undefined if others may have changed too. Invalid ids are omitted. */
function accountsOf(header: ChangeEventHeader | null): readonly string[] | undefined {
  if (header === null || header.changeType === 'GAP_OVERFLOW') return undefined;
  if (header.recordIds.some((id) => id.endsWith('*'))) return undefined;
  return header.recordIds.flatMap((id) => parseRecordId(id) ?? []);
}

export type ResyncRepair = {
  readonly cause: IncidentCause;
  readonly detail: string;
  readonly eventIds?: readonly bigint[];
  readonly from?: Date;
  readonly request: ResyncRequest;
};

/**
 * Requests a repair, and opens an incident that it closes. If the repair joins a waiting one, the incident of the same cause
 * is extended.
 * @returns the id of the resync
 */
export async function repairByResync(
  { topic, jobs }: IncidentContext,
  client: pg.PoolClient,
  { request, ...incident }: ResyncRepair,
): Promise<string> {
  const resyncId = await requestRepair(client, jobs.enqueueResync, request);
  const { scope, accountIds = [] } = request;
  const extent = scope === 'fields' ? 'all' : scope;
  const found = { ...incident, topic, extent, accountIds, to: new Date(), resyncId };
  if (!(await extendRepairIncident(client, found))) await openIncident(client, found);
  return resyncId;
}
