import { compareVersions, parseVersion } from '../../apply/version.ts';
import type { Queryable } from '../../db/database.ts';
import { deleteLogMs, readDeletedIds, requestAccount } from '../../salesforce/deleted-records.ts';
import { SalesforceError } from '../../salesforce/error.ts';
import type { CallWithinBudget } from '../../salesforce/query-pages.ts';
import type { ResyncContext, Snapshot } from '../snapshot.ts';
import { type Absence, type DeletionProof, proofOfDeletion, type Sighting } from './deletion-proof.ts';

// Accounts that are requested one by one, at one API request each.
const maxRequests = 10;

type ProofSearch = {
  readonly context: ResyncContext;
  readonly snapshot: Snapshot;
  readonly callWithinBudget: CallWithinBudget;
};

/**
 * Searches for proof that accounts are deleted: in the event log, in Salesforce's deletion log and, if few are left, by
 * a request for each. Only accounts that exist in the mirror need a proof.
 * @throws SalesforceError if a source is temporarily unavailable
 */
export async function findDeletionProofs(search: ProofSearch, ids: readonly string[]): Promise<Absence[]> {
  const sightings = new Map<string, Sighting[]>(
    (await readExistingIds(search.context.pool, ids)).map((id) => [id, [{ source: 'absence' }]]),
  );
  const add = (id: string, sighting: Sighting): unknown => sightings.get(id)?.push(sighting);
  const unproven = (): string[] => [...sightings.keys()].filter((id) => proofIn(sightings, id) === null);

  for (const { id, changeType } of await readNewestEvents(search.context.pool, unproven()))
    add(id, { source: 'event', changeType });
  if (unproven().length > 0) {
    const deleted = await readDeletionLog(search);
    for (const id of unproven()) add(id, { source: 'getDeleted', isListed: deleted.has(id) });
  }
  if (unproven().length <= maxRequests) {
    for (const id of unproven())
      add(id, { source: 'request', errorCode: await requestErrorCode(search, id) });
  }
  return ids.map((id) => ({ id, proof: proofIn(sightings, id) }));
}

function proofIn(sightings: ReadonlyMap<string, readonly Sighting[]>, id: string): DeletionProof | null {
  return proofOfDeletion(sightings.get(id) ?? []);
}

/** One read of the deletion log serves a whole snapshot: its queries return later deletions. */
const logs = new WeakMap<Snapshot, Promise<ReadonlySet<string>>>();

function readDeletionLog(search: ProofSearch): Promise<ReadonlySet<string>> {
  const { snapshot } = search;
  const known = logs.get(snapshot) ?? fetchLog(search);
  logs.set(snapshot, known);
  known.catch(() => logs.delete(snapshot));
  return known;
}

async function fetchLog({ context, callWithinBudget }: ProofSearch): Promise<ReadonlySet<string>> {
  const now = Date.now();
  const span = { from: new Date(now - deleteLogMs), to: new Date(now) };
  try {
    return await readDeletedIds(context.org.connection, span, callWithinBudget);
  } catch (error) {
    if (!isUnanswerable(error)) throw error;
    context.logger.warn({ err: error }, 'deletion log not readable');
    return new Set();
  }
}

async function requestErrorCode(
  { context, callWithinBudget }: ProofSearch,
  id: string,
): Promise<string | null> {
  try {
    return await callWithinBudget(() => requestAccount(context.org.connection, id));
  } catch (error) {
    if (error instanceof SalesforceError && isUnanswerable(error)) return error.code;
    throw error;
  }
}

/** Whether a retry would be refused too: the repair continues without this source. */
function isUnanswerable(error: unknown): boolean {
  if (!(error instanceof SalesforceError)) return false;
  const isFinal = ['config', 'permission', 'data', 'bug'].includes(error.failure);
  return isFinal || ['INVALID_REPLICATION_DATE', 'EXCEEDED_ID_LIMIT'].includes(error.code);
}

async function readExistingIds(client: Queryable, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<{ id: string }>({
    name: 'existing-account-ids',
    text: 'select id from accounts where id = any($1::text[]) and not deleted order by id',
    values: [ids],
  });
  return rows.map(({ id }) => id);
}

/** Reads the newest event of each account, unless a later read found the account. */
async function readNewestEvents(client: Queryable, ids: readonly string[]): Promise<NewestEvent[]> {
  if (ids.length === 0) return [];
  const { rows } = await client.query<NewestEvent>({
    name: 'newest-events-of-accounts',
    text: `select a.id, a.base_version as base, e.change_type as "changeType", e.commit_timestamp as at,
                  e.commit_number as commit, e.sequence_number as sequence
             from accounts a
             cross join lateral (
               select change_type, commit_timestamp, commit_number, sequence_number from event_outcomes
                where record_ids @> array[a.id] and entity_name = 'Account' and state = 'applied'
                order by commit_timestamp desc, commit_number desc, sequence_number desc limit 1) e
            where a.id = any($1::text[]) and e.change_type is not null and e.sequence_number is not null`,
    values: [ids],
  });
  return rows.filter(
    ({ at, commit, sequence, base }) =>
      compareVersions([at.getTime(), commit, sequence, 0], parseVersion(base)) > 0,
  );
}

type NewestEvent = {
  readonly id: string;
  readonly changeType: string;
  readonly base: string;
  readonly at: Date;
  readonly commit: bigint;
  readonly sequence: number;
};
