import { type FieldTree, fromTree } from '../apply/field-tree.ts';
import { compareVersions, parseVersion, type Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import { type Entry, follow, type KnownState, unknownState } from './entry.ts';
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

/** An account, and the last version that counts. */
export type Place = { readonly accountId: string; readonly through: Version };

/**
 * What is known of accounts at places of their histories: the same merge over the changes up to there. It begins with
 * the nearest whole state on record, so the work does not grow with the length of a history.
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
  if (row.whole !== null) return entries.reduce(follow, toStateRow(row.whole).known);
  const own = rowAsState(row);
  return own === null ? entries.reduce(follow, unknownState) : followFrom(own, entries, through);
}

/** The row of an account, where it is the beginning of its history. */
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

// Nothing but readings that changed nothing follows such a row.
function followFrom({ version, known }: StateRow, entries: readonly Entry[], through: Version): KnownState {
  return isUpTo(version, through) ? entries.reduce(follow, known) : unknownState;
}

function isUpTo(version: Version, through: Version): boolean {
  return compareVersions(version, through) <= 0;
}

/** Everything that had committed at a moment. */
export function endOf(moment: Date): Version {
  return [moment.getTime(), greatestBigint, 2 ** 31 - 1, Number.MAX_SAFE_INTEGER];
}

/** The last place before a version. */
export function placeBefore([time, number, sequence, readAt]: Version): Version {
  return [time, number, sequence, readAt - 1];
}

const greatestBigint = 2n ** 63n - 1n;
const beginning: Version = [0, 0n, 0, -1];
