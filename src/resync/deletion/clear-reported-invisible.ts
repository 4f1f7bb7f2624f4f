import type { AccountChange } from '../../apply/plan-patch.ts';
import { compareVersions, laterVersion, parseVersion, type Version } from '../../apply/version.ts';
import type { Queryable } from '../../db/database.ts';

/**
 * Deletes invisible accounts that merged events have reported. A DELETE proves the deletion; another event after the
 * snapshot shows that the account exists.
 * @returns the existing accounts, to be read again
 */
export async function clearReportedInvisible(
  client: Queryable,
  changes: readonly AccountChange[],
): Promise<string[]> {
  const newest = new Map<string, Version>();
  for (const { accountId, change } of changes)
    newest.set(accountId, laterVersion(newest.get(accountId) ?? change.version, change.version));
  if (newest.size === 0) return [];
  const { rows } = await client.query<{ id: string; version: string; deleted: boolean }>({
    name: 'invisible-accounts-of-events',
    text: `select i.account_id as id, i.version, a.deleted
             from invisible_accounts i join accounts a on a.id = i.account_id
            where i.account_id = any($1::text[])`,
    values: [[...newest.keys()]],
  });
  if (rows.length === 0) return [];
  const deletedByEvent = new Set(
    changes.flatMap(({ accountId, event }) => (event?.changeType === 'DELETE' ? [accountId] : [])),
  );
  const proven = rows.filter(({ id, deleted }) => deleted && deletedByEvent.has(id)).map(({ id }) => id);
  const seen = rows
    .filter(({ id, version }) => {
      const at = newest.get(id);
      return !proven.includes(id) && at !== undefined && compareVersions(at, parseVersion(version)) > 0;
    })
    .map(({ id }) => id);
  await client.query({
    name: 'clear-invisible-accounts-of-events',
    text: 'delete from invisible_accounts where account_id = any($1::text[])',
    values: [[...proven, ...seen]],
  });
  return seen;
}
