import type { Queryable } from '../../db/database.ts';
import { compareVersions, type Version } from '../version.ts';
import type { Draft } from './draft.ts';
import { type Entry, unknown } from './entry.ts';
import {
  entryJson,
  insertEntries,
  type RawEntry,
  type RawState,
  rewriteEntries,
  saveStates,
  stateJson,
  toEntry,
  toStateRow,
  versionArrays,
  versionOf,
} from './history-rows.ts';
import { insertLate, type StateRow } from './insert-late.ts';

/** What accounts met, ready to be put on record. */
export type Recording = {
  readonly accountId: string;
  readonly draft: Draft;
  readonly checkpoint: StateRow | null;
};

/** Puts on record what accounts met; the caller holds the lock of the mirror. */
export async function recordHistory(client: Queryable, recordings: readonly Recording[]): Promise<void> {
  const states = recordings.flatMap(({ accountId, draft: { base }, checkpoint }) => [
    ...(base === null ? [] : [{ ...base, accountId, isBase: true }]),
    // Where all that came is older than the base, the base is the checkpoint: a statement may write a row once.
    ...(checkpoint === null || (base !== null && compareVersions(base.version, checkpoint.version) === 0)
      ? []
      : [{ ...checkpoint, accountId, isBase: false }]),
  ]);
  await saveStates(client, states);
  const entries = recordings.flatMap(({ accountId, draft }) =>
    draft.entries.map((entry) => ({ accountId, entry })),
  );
  await insertEntries(client, entries);
  const late = recordings.flatMap(({ accountId, draft }) =>
    draft.late.map((entry) => ({ accountId, entry })),
  );
  if (late.length === 0) return;
  // Most of what comes late is another copy of what is on record.
  const known = await onRecord(client, late);
  for (const [index, { accountId, entry }] of late.entries())
    if (!known.has(index)) await slipIn(client, accountId, entry);
}

async function onRecord(
  client: Queryable,
  late: readonly { readonly accountId: string; readonly entry: Entry }[],
): Promise<Set<number>> {
  const { rows } = await client.query<{ place: bigint }>({
    name: 'changes-on-record',
    text: `select t.place from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])
                    with ordinality as t (account_id, commit_ms, commit_number, sequence_number, read_ms, place)
            where exists (select from account_changes c
                           where c.account_id = t.account_id and ${versionOf('c')} = ${versionOf('t')})
               or exists (select from account_states s
                           where s.account_id = t.account_id and ${versionOf('s')} = ${versionOf('t')} and s.is_base)`,
    values: [
      late.map(({ accountId }) => accountId),
      ...versionArrays(late.map(({ entry }) => entry.version)),
    ],
  });
  return new Set(rows.map(({ place }) => Number(place) - 1));
}

async function slipIn(client: Queryable, accountId: string, late: Entry): Promise<void> {
  const { starts, entries, states } = await readBehind(client, accountId, late.version);
  const start = starts[0]?.known ?? unknown;
  const changed = insertLate({ start, entries, states }, late);
  await insertEntries(client, [{ accountId, entry: late }]);
  await rewriteEntries(
    client,
    changed.entries.map((entry) => ({ accountId, entry })),
  );
  const bases = new Set(states.filter(({ isBase }) => isBase).map(({ version }) => version));
  await saveStates(
    client,
    changed.states.map((row) => ({ ...row, accountId, isBase: bases.has(row.version) })),
  );
}

/** The nearest state up to a version, and everything behind that state. */
async function readBehind(
  client: Queryable,
  accountId: string,
  version: Version,
): Promise<{ starts: StateRow[]; entries: Entry[]; states: ReturnType<typeof toStateRow>[] }> {
  const { rows } = await client.query<{ states: RawState[] | null; changes: RawEntry[] | null }>({
    name: 'history-behind',
    text: `with start as (
             select * from account_states s where s.account_id = $1 and ${versionOf('s')} <= ($2, $3, $4, $5)
              order by commit_ms desc, commit_number desc, sequence_number desc, read_ms desc limit 1)
           select (select json_agg(${stateJson('s')} order by ${orderOf('s')})
                     from (select * from start union all
                           select * from account_states s where s.account_id = $1 and ${versionOf('s')} > ($2, $3, $4, $5)) s
                  ) as states,
                  (select json_agg(${entryJson('c')} order by ${orderOf('c')}) from account_changes c
                    where c.account_id = $1
                      and ${versionOf('c')} > (coalesce((select commit_ms from start), -1), coalesce((select commit_number from start), 0),
                                               coalesce((select sequence_number from start), 0), coalesce((select read_ms from start), 0))
                  ) as changes`,
    values: [accountId, ...version],
  });
  const states = (rows[0]?.states ?? []).map(toStateRow);
  const isBefore = (row: StateRow): boolean => compareVersions(row.version, version) <= 0;
  return {
    starts: states.filter(isBefore),
    entries: (rows[0]?.changes ?? []).map(toEntry),
    states: states.filter((row) => !isBefore(row)),
  };
}

function orderOf(table: string): string {
  return `${table}.commit_ms, ${table}.commit_number, ${table}.sequence_number, ${table}.read_ms`;
}
