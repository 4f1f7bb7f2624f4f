import { type GroupedVersions, groupFieldVersions, parseFieldVersions } from '../apply/account-row.ts';
import { foldVersions } from '../apply/fold-versions.ts';
import { formatVersion, parseVersion, type Version } from '../apply/version.ts';
import type { Queryable } from '../db/database.ts';
import type { BatchResult } from './run-task.ts';

/**
 * Folds the old field versions of the next accounts, ordered by id. Locked rows and stale accounts are skipped until
 * the next run. Field values do not change.
 */
export async function foldAccounts(
  client: Queryable,
  after: string,
  horizon: Version,
  limit: number,
): Promise<BatchResult> {
  const end = await endOfPage(client, after, limit);
  if (end === undefined) return { rows: 0, next: undefined };
  const { rows } = await client.query<VersionRow>({
    name: 'lock-foldable-accounts',
    text: `select record_id as id, base_version, field_versions,
                  (select a.deleted from accounts a where a.id = r.record_id) as deleted
             from records r
            where record_id > $1 and record_id <= $2 and stale_version is null and field_versions <> '[]'
              and exists (select from jsonb_array_elements(field_versions) v (versions)
                           where split_part(v.versions ->> 0, '.', 1)::bigint <= $3)
            order by record_id for update skip locked`,
    values: [after, end, horizon[0]],
  });
  const folded = rows.flatMap((row) => {
    const versions = foldVersions(toVersions(row), horizon);
    return versions === undefined ? [] : [{ id: row.id, ...versions }];
  });
  if (folded.length > 0) {
    await client.query({
      name: 'fold-accounts',
      text: `update records r set base_version = f.base, field_versions = f.ahead
               from unnest($1::text[], $2::text[], $3::jsonb[]) as f (id, base, ahead) where r.record_id = f.id`,
      values: [
        folded.map(({ id }) => id),
        folded.map(({ baseVersion }) => formatVersion(baseVersion)),
        folded.map(({ fieldVersions }) => JSON.stringify(groupFieldVersions(fieldVersions))),
      ],
    });
  }
  return { rows: folded.length, next: end };
}

async function endOfPage(client: Queryable, after: string, limit: number): Promise<string | undefined> {
  const { rows } = await client.query<{ end: string | null }>({
    name: 'end-of-page',
    text: `select max(record_id) as end from (select record_id from records where record_id > $1 order by record_id limit $2) page`,
    values: [after, limit],
  });
  return rows[0]?.end ?? undefined;
}

/**
 * Whether stored events have waited for longer than `waitMs`: one of them could be older than the horizon, so nothing
 * may be folded until they are applied.
 */
export async function isBehind(client: Queryable, waitMs: number): Promise<boolean> {
  const { rows } = await client.query<{ behind: boolean }>({
    name: 'is-behind',
    text: `select exists (select from event_queue
                           where received_at < now() - $1 * interval '1 millisecond') as behind`,
    values: [waitMs],
  });
  return rows[0]?.behind ?? true;
}

function toVersions({ base_version, field_versions, deleted }: VersionRow) {
  const fieldVersions = parseFieldVersions(field_versions);
  return { baseVersion: parseVersion(base_version), fieldVersions, deleted: deleted === true };
}

type VersionRow = {
  readonly id: string;
  readonly base_version: string;
  readonly field_versions: GroupedVersions;
  readonly deleted: boolean | null;
};
