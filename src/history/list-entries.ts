// Hot statements: hand-written.
import type { FieldTree } from '../apply/field-tree.ts';
import { isComplete, topOf } from '../apply/merge.ts';
import { compareVersions, isReadVersion, type Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import {
  type Entry,
  type FieldChange,
  fieldChanges,
  type KnownState,
  replay,
  unknownState,
} from './entry.ts';
import {
  entryJson,
  type RawEntry,
  type RawState,
  stateJson,
  toEntry,
  toStateRow,
  versionTuple,
} from './history-rows.ts';
import type { StateRow } from './insert-late.ts';
import { placeBefore, readPast, rowAsState } from './read-past.ts';

/** `event`, `reading`: a change by an event or by a read. `folded`: the state that replaces all earlier changes. */
export type ListedEntry = {
  readonly kind: 'event' | 'reading' | 'folded';
  readonly entry: Entry;
  /** The state at the start of the history. */
  readonly base: KnownState | null;
};

export type EntryList = {
  readonly accountId: string;
  /** Only entries before this version. */
  readonly before: Version | null;
  readonly limit: number;
  /** Only entries that wrote this field. */
  readonly path?: string;
};

/** Lists the changes of an account by commit, newest first, without reads that changed nothing. */
export async function listEntries(client: Queryable, list: EntryList): Promise<ListedEntry[]> {
  const { accountId, before, limit, path = null } = list;
  const { rows } = await client.query<{
    changes: RawEntry[] | null;
    bases: RawState[] | null;
    history_from: string | null;
    fields: FieldTree | null;
  }>({
    name: 'list-account-changes',
    text: `select c.changes, b.bases, a.history_from, a.fields
             from (select json_agg(${entryJson('c')}) as changes
                     from (select * from account_changes c
                            where c.account_id = $1 and ${versionTuple('c')} < ($2, $3, $4, $5)
                              and (c.form not in ('confirmed', 'fields') or c.written <> '{}')
                              and ($6::text is null or c.written ? $6
                                   or (c.form = 'all' and not c.unread_fields @> array[$7::text]))
                            order by c.commit_ms desc, c.commit_number desc, c.sequence_number desc, c.read_ms desc
                            limit $8) c) c
            cross join (select json_agg(${stateJson('s')}) as bases from account_states s
                         where s.account_id = $1 and s.is_base and ${versionTuple('s')} < ($2, $3, $4, $5)) b
             left join accounts a on a.id = $1 and a.history_from is not null`,
    values: [accountId, ...(before ?? end), path, path === null ? null : topOf(path), limit],
  });
  const [row] = rows;
  if (row === undefined) return [];
  const own = rowAsState(row);
  const bases = [...(row.bases ?? []).map(toStateRow), ...(own === null ? [] : [own])];
  return [...(row.changes ?? []).map((raw) => listed(toEntry(raw))), ...bases.map(listedBase)]
    .filter(({ entry }) => before === null || compareVersions(entry.version, before) < 0)
    .sort((a, b) => compareVersions(b.entry.version, a.entry.version))
    .slice(0, limit);
}

/** Adds the changed fields to each entry of a page. */
export async function withChanges(
  client: Queryable,
  accountId: string,
  page: readonly ListedEntry[],
): Promise<{ listed: ListedEntry; changes: FieldChange[] }[]> {
  const oldest = page.at(-1);
  if (oldest === undefined) return [];
  const [start] = await readPast(client, [{ accountId, through: placeBefore(oldest.entry.version) }]);
  return changesOf(start ?? unknownState, page);
}

/** The changed fields of each entry of a page. @param start the state before its oldest entry */
export function changesOf(
  start: KnownState,
  page: readonly ListedEntry[],
): { listed: ListedEntry; changes: FieldChange[] }[] {
  let state = start;
  return page
    .toReversed()
    .map((listed) => {
      const before = listed.base === null ? state.merged : unknownState.merged;
      state = listed.base ?? replay(state, listed.entry);
      return { listed, changes: fieldChanges(before, state.merged, listed.entry) };
    })
    .reverse();
}

/** Lists the changes of a field, newest first, with the previous value if it is known. */
export async function listFieldChanges(
  client: Queryable,
  list: EntryList & { readonly path: string },
): Promise<{ listed: ListedEntry; change: FieldChange }[]> {
  // The value before an entry is the one that the next older entry wrote.
  const entries = await listEntries(client, { ...list, limit: list.limit + 1 });
  return entries.slice(0, list.limit).map((listed, index) => {
    const older = entries[index + 1];
    const change = { field: list.path, after: valueAfter(listed, list.path) };
    if (listed.entry.origin.changeType === 'CREATE' && older === undefined)
      return { listed, change: { ...change, before: null } };
    if (older === undefined || listed.base !== null) return { listed, change };
    return { listed, change: { ...change, before: valueAfter(older, list.path) } };
  });
}

function valueAfter({ entry, base }: ListedEntry, path: string) {
  return (base === null ? entry.written : base.merged.values).get(path) ?? null;
}

function listed(entry: Entry): ListedEntry {
  return { kind: isReadVersion(entry.version) ? 'reading' : 'event', entry, base: null };
}

function listedBase({ version, known }: StateRow): ListedEntry {
  const { merged } = known;
  const isReadingItself = isReadVersion(version) && compareVersions(merged.baseVersion, version) === 0;
  const entry: Entry = {
    version,
    form: isComplete(merged) ? 'all' : 'some',
    written: merged.values,
    unreadFields: new Set(),
    gap: false,
    origin: { changeType: null, eventId: null, resyncId: null },
  };
  return { kind: isReadingItself ? 'reading' : 'folded', entry, base: known };
}

const end: Version = [Number.MAX_SAFE_INTEGER, 2n ** 63n - 1n, 2 ** 31 - 1, Number.MAX_SAFE_INTEGER];
