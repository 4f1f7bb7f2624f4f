import { changedPaths, emptyState } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import { type PastAccount, readAccountAsOf } from './account-as-of.ts';
import type { FieldChange } from './entry.ts';

export type AccountDiff =
  | { readonly kind: 'known'; readonly changes: readonly Required<FieldChange>[] }
  | Exclude<PastAccount, { kind: 'known' }>;

/** Compares an account between two moments; before its creation all fields are empty. */
export async function diffAccount(
  client: Queryable,
  accountId: string,
  from: Date,
  to: Date,
): Promise<AccountDiff> {
  const before = await readAccountAsOf(client, accountId, from);
  const after = await readAccountAsOf(client, accountId, to);
  if (after.kind !== 'known') return after;
  if (before.kind === 'before-history') return before;
  const [old, now] = [before.kind === 'known' ? before.state.merged : emptyState, after.state.merged];
  const changes = changedPaths(old, now)
    .sort()
    .map((field) => ({ field, before: old.values.get(field) ?? null, after: now.values.get(field) ?? null }));
  return { kind: 'known', changes };
}
