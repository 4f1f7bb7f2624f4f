import type { Queryable } from '../db/database.ts';
import type { PrismaClient } from '../db/generated/client.ts';
import { storableJson } from '../db/storable.ts';
import type { Scalar } from '../salesforce/change-event.ts';

/** A difference between the mirror and Salesforce in one account. */
export type Difference = {
  readonly accountId: string;
  /**
   * - `missing`: only Salesforce has the account
   * - `extra`: the mirror holds it as existing, and Salesforce has deleted it
   * - `not visible`: the mirror holds it as existing, and Salesforce does not return it, which does not prove a deletion
   * - `fields`: both have it
   */
  readonly kind: 'missing' | 'extra' | 'not visible' | 'fields';
  readonly fields: readonly string[];
  readonly values: Readonly<Record<string, { readonly mirror: Scalar; readonly salesforce: Scalar }>>;
  /** When Salesforce last changed the record; null if it does not return the record. */
  readonly modifiedAt: Date | null;
};

/** Saves differences; a change that has not arrived yet may explain an unconfirmed one. */
export async function saveDifferences(
  client: Queryable,
  resyncId: string,
  found: readonly Difference[],
  confirmed: boolean,
): Promise<void> {
  if (found.length === 0) return;
  await client.query({
    name: 'save-differences',
    text: `insert into resync_differences (resync_id, account_id, kind, fields, "values", modified_at, confirmed)
           select $1, d.account_id, d.kind, array(select jsonb_array_elements_text(d.fields)), d."values", d.modified_at, $7
             from unnest($2::text[], $3::text[], $4::jsonb[], $5::jsonb[], $6::timestamptz[])
               as d (account_id, kind, fields, "values", modified_at)
           on conflict (resync_id, account_id) do update set
             kind = excluded.kind, fields = excluded.fields, "values" = excluded."values",
             modified_at = excluded.modified_at, confirmed = excluded.confirmed`,
    values: [
      resyncId,
      found.map(({ accountId }) => accountId),
      found.map(({ kind }) => kind),
      found.map(({ fields }) => storableJson(fields)),
      found.map(({ values }) => storableJson(values)),
      found.map(({ modifiedAt }) => modifiedAt),
      confirmed,
    ],
  });
}

export async function deleteDifferences(
  client: Queryable,
  resyncId: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'delete-differences',
    text: 'delete from resync_differences where resync_id = $1 and account_id = any($2::text[])',
    values: [resyncId, ids],
  });
}

export async function deleteUnconfirmed(client: Queryable, resyncId: string): Promise<void> {
  await client.query({
    name: 'delete-unconfirmed-differences',
    text: 'delete from resync_differences where resync_id = $1 and not confirmed',
    values: [resyncId],
  });
}

/** The next accounts with unconfirmed differences after an id. */
export async function readUnconfirmed(
  prisma: PrismaClient,
  resyncId: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await prisma.resyncDifference.findMany({
    where: { resyncId, confirmed: false, accountId: { gt: after } },
    orderBy: { accountId: 'asc' },
    take: limit,
    select: { accountId: true },
  });
  return rows.map(({ accountId }) => accountId);
}

/** Saves the ids of the accounts that a comparison has seen. */
export async function saveSeen(client: Queryable, resyncId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'save-seen',
    text: `insert into resync_seen (resync_id, account_id) select $1, unnest($2::text[])
           on conflict do nothing`,
    values: [resyncId, ids],
  });
}

/** Deletes the ids that the comparison has seen. */
export async function deleteSeen(client: Queryable, resyncId: string): Promise<void> {
  await client.query({
    name: 'delete-seen',
    text: 'delete from resync_seen where resync_id = $1',
    values: [resyncId],
  });
}

/** Saves the result of a comparison. @returns the number of accounts that differ */
export async function saveVerified(client: Queryable, resyncId: string, through: Date): Promise<number> {
  const { rows } = await client.query<{ different: number }>({
    name: 'save-verified',
    text: `update resyncs set
             different = (select count(*) from resync_differences where resync_id = $1 and confirmed),
             verified_through = $2
            where id = $1 returning different`,
    values: [resyncId, through],
  });
  return rows[0]?.different ?? 0;
}
