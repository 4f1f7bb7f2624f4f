// Hot statements: hand-written.

import type pg from 'pg';
import { formatVersion, type Version } from '../apply/version.ts';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { saveHistory, versionArrays, versionTuple } from './history-rows.ts';
import { type Place, readPast } from './read-past.ts';

export type FoldOrder = {
  /** Changes committed up to this moment are folded. */
  readonly through: Date;
  /** The last account of the previous call; null to start. */
  readonly after?: string | null;
  /** Accounts in one transaction; 200 by default. */
  readonly accounts?: number;
};

export type FoldProgress = {
  /** Number of accounts whose history was folded. */
  readonly folded: number;
  /** Number of removed changes. */
  readonly removed: number;
  /** The last scanned account; null at the end. */
  readonly after: string | null;
};

/**
 * Folds the history of the next accounts up to a moment into one state each, in a short transaction, so that later
 * states stay known after the events up to then are deleted. Call it until `after` is null, then delete the events.
 */
export async function foldHistory(pool: pg.Pool, order: FoldOrder): Promise<FoldProgress> {
  const { through, after = null, accounts = 200 } = order;
  return inTransaction(pool, async (client) => {
    await lockAccountWrites(client);
    const ids = await readNextAccounts(client, after ?? '', accounts);
    const places = await readLastChanges(client, ids, through);
    if (places.length > 0) await fold(client, places);
    const removed = places.length === 0 ? 0 : await removeUpTo(client, places);
    return { folded: places.length, removed, after: ids.length < accounts ? null : (ids.at(-1) ?? null) };
  });
}

async function fold(client: Queryable, places: readonly LastPlace[]): Promise<void> {
  const states = await readPast(client, places);
  await saveHistory(client, {
    entries: [],
    states: places.flatMap(({ accountId, through, hasOwnRow }, index) => {
      const known = states[index];
      return known === undefined || hasOwnRow ? [] : [{ accountId, version: through, known, isBase: true }];
    }),
  });
  const own = places.filter(({ hasOwnRow }) => hasOwnRow);
  if (own.length === 0) return;
  // Only reads without changes follow such a row, so its start can move to the last of them.
  await client.query({
    name: 'move-history-from',
    text: `update records r set history_from = t.version
             from unnest($1::text[], $2::text[]) as t (id, version) where r.record_id = t.id`,
    values: [own.map(({ accountId }) => accountId), own.map(({ through }) => formatVersion(through))],
  });
}

type LastPlace = Place & {
  /** Whether the row of the account is the start of its history. */
  readonly hasOwnRow: boolean;
};

async function readNextAccounts(client: Queryable, after: string, limit: number): Promise<string[]> {
  // One index lookup per account, for any length of its history.
  const { rows } = await client.query<{ id: string }>({
    name: 'accounts-with-history',
    text: `with recursive ids as (
             (select account_id, 1 as place from account_changes where account_id > $1 order by account_id limit 1)
             union all
             select n.account_id, ids.place + 1
               from ids cross join lateral (select account_id from account_changes
                                             where account_id > ids.account_id order by account_id limit 1) n
              where ids.place < $2)
           select account_id as id from ids`,
    values: [after, limit],
  });
  return rows.map(({ id }) => id);
}

/** Reads the last change of each account up to a moment. */
async function readLastChanges(
  client: Queryable,
  ids: readonly string[],
  through: Date,
): Promise<LastPlace[]> {
  const { rows } = await client.query<{
    id: string;
    commit_ms: bigint;
    commit_number: bigint;
    sequence_number: number;
    read_ms: bigint;
    own: boolean;
  }>({
    name: 'last-changes-up-to',
    text: `select i.id, c.*, r.history_from is not null as own
             from unnest($1::text[]) as i (id) join records r on r.record_id = i.id
            cross join lateral (select commit_ms, commit_number, sequence_number, read_ms from account_changes c
                                 where c.account_id = i.id and c.commit_ms <= $2
                                 order by commit_ms desc, commit_number desc, sequence_number desc, read_ms desc
                                 limit 1) c`,
    values: [ids, through.getTime()],
  });
  return rows.map((row) => {
    const version: Version = [
      Number(row.commit_ms),
      row.commit_number,
      row.sequence_number,
      Number(row.read_ms),
    ];
    return { accountId: row.id, through: version, hasOwnRow: row.own };
  });
}

async function removeUpTo(client: Queryable, places: readonly LastPlace[]): Promise<number> {
  const remove = (name: string, table: string, operator: string): Promise<pg.QueryResult> =>
    client.query({
      name,
      text: `delete from ${table} x using unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])
                    as t (account_id, commit_ms, commit_number, sequence_number, read_ms)
              where x.account_id = t.account_id and ${versionTuple('x')} ${operator} ${versionTuple('t')}`,
      values: [
        places.map(({ accountId }) => accountId),
        ...versionArrays(places.map(({ through }) => through)),
      ],
    });
  await remove('remove-folded-states', 'account_states', '<');
  const { rowCount } = await remove('remove-folded-changes', 'account_changes', '<=');
  return rowCount ?? 0;
}
