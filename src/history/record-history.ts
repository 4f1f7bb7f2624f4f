// Hot statements: hand-written.
import { compareVersions } from '../apply/version.ts';
import { type Queryable, slices } from '../db/database.ts';
import type { Entry } from './entry.ts';
import {
  type AccountEntry,
  entryJson,
  type RawEntry,
  type RawState,
  rewriteEntries,
  saveHistory,
  stateJson,
  toEntry,
  toStateRow,
  versionArrays,
  versionTuple,
} from './history-rows.ts';
import { insertAllLate, type RecordedHistory } from './insert-late.ts';

/** Inserts changes that are older than saved ones into the history. The caller holds the account write lock. */
export async function recordLateChanges(client: Queryable, late: readonly AccountEntry[]): Promise<void> {
  if (late.length === 0) return;
  // Most late changes are copies of saved ones.
  const known = await findSaved(client, late);
  const news = late.filter((_, index) => !known.has(index));
  for (const some of slices([...Map.groupBy(news, ({ accountId }) => accountId)], accountsAtOnce))
    await insertLateChanges(client, new Map(some.map(([id, own]) => [id, own.map(({ entry }) => entry)])));
}

// The history of each after its oldest late change is held in memory.
const accountsAtOnce = 20;

async function findSaved(client: Queryable, late: readonly AccountEntry[]): Promise<Set<number>> {
  const { rows } = await client.query<{ place: bigint }>({
    name: 'changes-on-record',
    text: `select t.place from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])
                    with ordinality as t (account_id, commit_ms, commit_number, sequence_number, read_ms, place)
            where exists (select from account_changes c
                           where c.account_id = t.account_id and ${versionTuple('c')} = ${versionTuple('t')})
               or exists (select from account_states s
                           where s.account_id = t.account_id and ${versionTuple('s')} = ${versionTuple('t')} and s.is_base)`,
    values: [
      late.map(({ accountId }) => accountId),
      ...versionArrays(late.map(({ entry }) => entry.version)),
    ],
  });
  return new Set(rows.map(({ place }) => Number(place) - 1));
}

async function insertLateChanges(
  client: Queryable,
  late: ReadonlyMap<string, readonly Entry[]>,
): Promise<void> {
  const touched = await readAffected(client, late);
  const changed = [...touched].map(([accountId, history]) => ({
    accountId,
    ...insertAllLate(history, late.get(accountId) ?? []),
  }));
  const entriesOf = (pick: 'inserted' | 'rewritten') =>
    changed.flatMap((outcome) => outcome[pick].map((entry) => ({ accountId: outcome.accountId, entry })));
  await saveHistory(client, {
    entries: entriesOf('inserted'),
    states: changed.flatMap(({ accountId, states }) => states.map((row) => ({ ...row, accountId }))),
  });
  await rewriteEntries(client, entriesOf('rewritten'));
}

/** Reads the nearest state before the oldest late change of each account, and everything after it. */
async function readAffected(
  client: Queryable,
  late: ReadonlyMap<string, readonly Entry[]>,
): Promise<Map<string, RecordedHistory>> {
  const oldest = [...late.values()].map((entries) =>
    entries.map(({ version }) => version).reduce((a, b) => (compareVersions(a, b) <= 0 ? a : b)),
  );
  const { rows } = await client.query<{
    accountId: string;
    states: RawState[] | null;
    changes: RawEntry[] | null;
  }>({
    name: 'history-behind',
    text: `select t.account_id as "accountId", states.list as states, changes.list as changes
             from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])
                    as t (account_id, commit_ms, commit_number, sequence_number, read_ms)
             left join lateral (
               select commit_ms, commit_number, sequence_number, read_ms from account_states s
                where s.account_id = t.account_id and ${versionTuple('s')} <= ${versionTuple('t')}
                order by commit_ms desc, commit_number desc, sequence_number desc, read_ms desc limit 1) start on true
             cross join lateral (
               select json_agg(${stateJson('s')} order by ${orderOf('s')}) as list from account_states s
                where s.account_id = t.account_id
                  and (${versionTuple('s')} > ${versionTuple('t')} or ${versionTuple('s')} = ${versionTuple('start')})) states
             cross join lateral (
               select json_agg(${entryJson('c')} order by ${orderOf('c')}) as list from account_changes c
                where c.account_id = t.account_id
                  and ${versionTuple('c')} > (coalesce(start.commit_ms, -1), coalesce(start.commit_number, 0),
                                           coalesce(start.sequence_number, 0), coalesce(start.read_ms, 0))) changes`,
    values: [[...late.keys()], ...versionArrays(oldest)],
  });
  return new Map(
    rows.map(({ accountId, states, changes }) => [
      accountId,
      { states: (states ?? []).map(toStateRow), entries: (changes ?? []).map(toEntry) },
    ]),
  );
}

function orderOf(table: string): string {
  return `${table}.commit_ms, ${table}.commit_number, ${table}.sequence_number, ${table}.read_ms`;
}
