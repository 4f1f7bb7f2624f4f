// Hot statements: hand-written.
import { type FieldTree, fromTree } from '../apply/field-tree.ts';
import { compareVersions, parseVersion, type Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import { type KnownState, replay, unknownState } from './entry.ts';
import {
  entryJson,
  type RawEntry,
  type RawState,
  stateJson,
  toEntry,
  toStateRow,
  versionArrays,
  versionTuple,
} from './history-rows.ts';
import type { StateRow } from './insert-late.ts';

/** An account and a version of its history. */
export type Place = { readonly accountId: string; readonly through: Version };

/**
 * Reads the states of accounts at versions of their histories, by replaying the changes from the nearest saved state: the
 * work does not grow with the length of a history.
 */
export async function readPast(client: Queryable, places: readonly Place[]): Promise<KnownState[]> {
  const { rows } = await client.query<PastRow>({
    name: 'read-past',
    text: `select p.place, s.whole, c.changes, a.history_from, a.fields
             from unnest($1::text[], $2::bigint[], $3::bigint[], $4::int[], $5::bigint[])
                    with ordinality as p (account_id, commit_ms, commit_number, sequence_number, read_ms, place)
             left join accounts a on a.id = p.account_id and a.history_from is not null
             left join lateral (
               select s.*, ${stateJson('s')} as whole from account_states s
                where s.account_id = p.account_id and ${versionTuple('s')} <= ${versionTuple('p')}
                order by s.commit_ms desc, s.commit_number desc, s.sequence_number desc, s.read_ms desc limit 1) s on true
             left join lateral (
               select json_agg(${entryJson('c')} order by c.commit_ms, c.commit_number, c.sequence_number, c.read_ms) as changes
                 from account_changes c
                where c.account_id = p.account_id and ${versionTuple('c')} <= ${versionTuple('p')}
                  and ${versionTuple('c')} > (coalesce(s.commit_ms, -1), coalesce(s.commit_number, 0),
                                           coalesce(s.sequence_number, 0), coalesce(s.read_ms, 0))) c on true
            order by p.place`,
    values: [
      places.map(({ accountId }) => accountId),
      ...versionArrays(places.map(({ through }) => through)),
    ],
  });
  return rows.map((row, index) => toKnown(row, places[index]?.through ?? beginning));
}

type PastRow = {
  readonly whole: RawState | null;
  readonly changes: readonly RawEntry[] | null;
  readonly history_from: string | null;
  readonly fields: FieldTree | null;
};

function toKnown(row: PastRow, through: Version): KnownState {
  const entries = (row.changes ?? []).map(toEntry);
  if (row.whole !== null) return entries.reduce(replay, toStateRow(row.whole).known);
  const own = rowAsState(row);
  if (own === null) return entries.reduce(replay, unknownState);
  // Only reads without changes follow such a row.
  return compareVersions(own.version, through) <= 0 ? entries.reduce(replay, own.known) : unknownState;
}

/** The row of an account as a state, if it is the start of its history. */
export function rowAsState({
  history_from: from,
  fields,
}: {
  readonly history_from: string | null;
  readonly fields: FieldTree | null;
}): StateRow | null {
  if (from === null || fields === null) return null;
  const version = parseVersion(from);
  const merged = { values: fromTree(fields), baseVersion: version, fieldVersions: new Map() };
  return { version, known: { merged, staleVersion: null } };
}

/** The last version of a moment. */
export function endOf(moment: Date): Version {
  return [moment.getTime(), greatestBigint, 2 ** 31 - 1, Number.MAX_SAFE_INTEGER];
}

/** The last version before another one. */
export function placeBefore([time, number, sequence, readAt]: Version): Version {
  return [time, number, sequence, readAt - 1];
}

const greatestBigint = 2n ** 63n - 1n;
const beginning: Version = [0, 0n, 0, -1];
