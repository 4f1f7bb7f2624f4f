// Hot statements: hand-written.
import type { Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import { type Entry, type FieldChange, fieldChanges, replay, unknownState } from './entry.ts';
import { entryJson, type RawEntry, toEntry, versionArrays, versionTuple } from './history-rows.ts';
import { placeBefore, readPast } from './read-past.ts';

/** One change of one account. */
export type ChangeKey = { readonly accountId: string; readonly version: Version };

/** Reads the changed fields of changes, in their order; null for a change that is not saved. */
export async function readChanges(
  client: Queryable,
  keys: readonly ChangeKey[],
): Promise<(FieldChange[] | null)[]> {
  if (keys.length === 0) return [];
  const entries = await readEntries(client, keys);
  const places = keys.map(({ accountId, version }) => ({ accountId, through: placeBefore(version) }));
  const states = await readPast(client, places);
  return entries.map((entry, index) => {
    if (entry === null) return null;
    const before = states[index] ?? unknownState;
    return fieldChanges(before.merged, replay(before, entry).merged, entry);
  });
}

async function readEntries(client: Queryable, keys: readonly ChangeKey[]): Promise<(Entry | null)[]> {
  const { rows } = await client.query<{ change: RawEntry | null }>({
    name: 'read-changes',
    text: `select case when c.account_id is not null then ${entryJson('c')} end as change
             from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])
                    with ordinality as t (account_id, commit_ms, commit_number, sequence_number, read_ms, place)
             left join account_changes c on c.account_id = t.account_id and ${versionTuple('c')} = ${versionTuple('t')}
            order by t.place`,
    values: [keys.map(({ accountId }) => accountId), ...versionArrays(keys.map(({ version }) => version))],
  });
  return rows.map(({ change }) => (change === null ? null : toEntry(change)));
}
