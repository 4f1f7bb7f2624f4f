import { changedPaths, emptyState } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import { accountAsOf, type PastAccount } from './account-as-of.ts';
import type { FieldChange } from './entry.ts';

export type AccountDiff =
  | { readonly kind: 'known'; readonly changes: readonly Required<FieldChange>[] }
  | Exclude<PastAccount, { kind: 'known' }>;

/** The fields in which an account differs between two moments. Before it was created, all of them were empty. */
export async function diffAccount(
  client: Queryable,
  accountId: string,
  from: Date,
  to: Date,
): Promise<AccountDiff> {
  const [before, after] = [
    await accountAsOf(client, accountId, from),
    await accountAsOf(client, accountId, to),
  ];
  if (after.kind !== 'known') return after;
  if (before.kind === 'before-history') return before;
  const [old, now] = [before.kind === 'known' ? before.state.merged : emptyState, after.state.merged];
  const changes = changedPaths(old, now)
    .sort()
    .map((field) => ({ field, before: old.values.get(field) ?? null, after: now.values.get(field) ?? null }));
  return { kind: 'known', changes };
}
