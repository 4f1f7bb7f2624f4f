import { formatVersion, parseVersion, type Version } from '../../apply/version.ts';
import type { Queryable } from '../../db/database.ts';
import { openStates } from '../resync-claim.ts';
import { unprovenWindowDays } from './deletion-proof.ts';

/** An absent account without proof of its deletion. */
export type Invisible = {
  readonly id: string;
  /** Of its possible deletion. */
  readonly version: Version;
};

/** SQL: whether no open resync covers the account of row `i`. */
export const hasNoOpenResync = `not exists (select from resyncs r where r.id = i.resync_id and r.state in ${openStates})`;

/**
 * Saves absent accounts. The mirror keeps them, stale until they are read.
 * @param resyncId the resync that settles them; null keeps an earlier one
 */
export async function saveInvisible(
  client: Queryable,
  resyncId: string | null,
  accounts: readonly Invisible[],
): Promise<void> {
  if (accounts.length === 0) return;
  const values = [accounts.map(({ id }) => id), accounts.map(({ version }) => formatVersion(version))];
  await client.query({
    name: 'save-invisible-accounts',
    text: `insert into invisible_accounts as i (account_id, state, version, resync_id)
           select id, 'kept', version, $3 from unnest($1::text[], $2::text[]) as a (id, version)
           on conflict (account_id) do update set
             since = case when i.state = 'kept' then i.since else now() end,
             confirmed = i.state = 'kept' and i.confirmed and ($3 is null or i.resync_id = $3),
             state = 'kept', version = excluded.version, taken_at = null, checked_at = now(),
             resync_id = coalesce(excluded.resync_id, i.resync_id)`,
    values: [...values, resyncId],
  });
  await client.query({
    name: 'mark-invisible-accounts-stale',
    text: `update records r
              set stale_version = i.version, stale_since = now(), changed_at = clock_timestamp(),
                  revision = r.revision + 1
             from unnest($1::text[], $2::text[]) as i (id, version)
            where r.record_id = i.id and r.stale_version is null`,
    values,
  });
}

/** Deletes accounts that a read sent at `readAt` has found, or has proven to be deleted. */
export async function clearInvisible(
  client: Queryable,
  ids: readonly string[],
  readAt: number,
): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'clear-invisible-accounts',
    text: `delete from invisible_accounts
            where account_id = any($1::text[]) and split_part(version, '.', 4)::bigint <= $2`,
    values: [ids, readAt],
  });
}

/** Numbers of unproven deletions and of the accounts that should exist. */
export type UnprovenCount = { readonly absent: number; readonly records: number };

/** Counts accounts that are kept or were recently marked as deleted without proof; confirmed ones do not count. */
export async function countUnproven(client: Queryable): Promise<UnprovenCount> {
  const { rows } = await client.query<{ absent: number; records: number }>({
    name: 'count-unproven-deletions',
    text: `with unproven as (
             select state from invisible_accounts
              where not confirmed
                and (state = 'kept' or taken_at > now() - ${unprovenWindowDays} * interval '1 day'))
           select (select count(*)::int from unproven) as absent,
                  (select count(*)::int from accounts where not deleted)
                    + (select count(*)::int from unproven where state = 'taken') as records`,
  });
  return rows[0] ?? { absent: 0, records: 0 };
}

/** Reads accounts that a resync keeps, unconfirmed ones first. */
export async function readKept(
  client: Queryable,
  resyncId: string,
  limit: number,
): Promise<readonly (Invisible & { readonly confirmed: boolean })[]> {
  const { rows } = await client.query<{ id: string; version: string; confirmed: boolean }>({
    name: 'accounts-kept-by-resync',
    text: `select account_id as id, version, confirmed from invisible_accounts
            where resync_id = $1 and state = 'kept' order by confirmed, account_id limit $2`,
    values: [resyncId, limit],
  });
  return rows.map(({ id, version, confirmed }) => ({ id, version: parseVersion(version), confirmed }));
}

export async function markDeletedWithoutProof(client: Queryable, ids: readonly string[]): Promise<void> {
  await client.query({
    name: 'mark-deleted-without-proof',
    text: `update invisible_accounts set state = 'taken', taken_at = now(), checked_at = now()
            where account_id = any($1::text[])`,
    values: [ids],
  });
}

/** Adds unproven deletions to the counts of a resync. */
export async function addDeletedWithoutProof(
  client: Queryable,
  resyncId: string,
  count: number,
): Promise<void> {
  await client.query({
    name: 'add-deleted-without-proof',
    text: `update resyncs
              set deleted = deleted + $2,
                  not_visible = (select count(*) from invisible_accounts where resync_id = $1)
            where id = $1`,
    values: [resyncId, count],
  });
}
