// Hot statements: hand-written.
import type { FieldTree } from '../apply/field-tree.ts';
import { isComplete } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import type { KnownState } from './entry.ts';
import { entryJson, type RawEntry, type RawState, stateJson, toEntry, toStateRow } from './history-rows.ts';
import { endOf, readPast, rowAsState } from './read-past.ts';

/** An account as of a moment, or why it is unknown. */
export type PastAccount =
  | { readonly kind: 'known'; readonly state: KnownState }
  /** It did not exist yet. */
  | { readonly kind: 'unborn'; readonly since: Date }
  /** The history begins later. */
  | { readonly kind: 'before-history'; readonly since: Date };

/** Reads an account as of a moment: all changes committed up to then, even if they arrived late. */
export async function readAccountAsOf(
  client: Queryable,
  accountId: string,
  moment: Date,
): Promise<PastAccount> {
  const [state] = await readPast(client, [{ accountId, through: endOf(moment) }]);
  if (state !== undefined && isComplete(state.merged)) return { kind: 'known', state };
  const origin = await readOrigin(client, accountId);
  if (origin === null) {
    // The account is incomplete: its known values are stale.
    const values = state?.merged.values ?? new Map();
    if (state !== undefined && values.size > 0)
      return { kind: 'known', state: { ...state, staleVersion: state.merged.baseVersion } };
    return { kind: 'before-history', since: new Date() };
  }
  return moment < origin.created
    ? { kind: 'unborn', since: origin.created }
    : { kind: 'before-history', since: origin.known };
}

type Origin = { readonly known: Date; readonly created: Date };

/** Reads from when on an account is known, and when it was created. */
async function readOrigin(client: Queryable, accountId: string): Promise<Origin | null> {
  const { rows } = await client.query<{
    first: RawEntry | null;
    base: RawState | null;
    history_from: string | null;
    fields: FieldTree | null;
  }>({
    name: 'history-origin',
    text: `select (select ${entryJson('c')} from account_changes c
                    where c.account_id = $1 and c.form = 'all'
                    order by c.commit_ms, c.commit_number, c.sequence_number, c.read_ms limit 1) as first,
                  (select ${stateJson('s')} from account_states s
                    where s.account_id = $1 and s.is_base and s.base_version <> '0.0.0.0'
                    order by s.commit_ms, s.commit_number, s.sequence_number, s.read_ms limit 1) as base,
                  a.history_from, a.fields
             from (select 1) one left join accounts a on a.id = $1 and a.history_from is not null`,
    values: [accountId],
  });
  const [row] = rows;
  if (row === undefined) return null;
  const first = row.first === null ? null : toEntry(row.first);
  const base = row.base === null ? rowAsState(row) : toStateRow(row.base);
  const values =
    first !== null && (base === null || first.version[0] < base.version[0])
      ? first.written
      : base?.known.merged.values;
  if (values === undefined) return null;
  const time = Math.min(
    first?.version[0] ?? Number.POSITIVE_INFINITY,
    base?.version[0] ?? Number.POSITIVE_INFINITY,
  );
  const known = new Date(time);
  const createdMs = Date.parse(String(values.get('CreatedDate') ?? ''));
  const created =
    first?.origin.changeType === 'CREATE' && first.version[0] === time
      ? known
      : new Date(Number.isNaN(createdMs) ? 0 : createdMs);
  return { known, created };
}
