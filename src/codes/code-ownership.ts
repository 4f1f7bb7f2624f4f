import type { AccountRow, SavedRow } from '../apply/account-row.ts';
import { deletedField } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { markChangedAccounts } from './changed-codes.ts';
import { type CodeOwner, duplicateCode, type ResolvedCodes, transferred } from './resolve-code-conflicts.ts';

/** Reads the accounts outside these rows that have one of their new codes. Codes are unique: an old one has no other. */
export async function readOwners(
  client: Queryable,
  rows: readonly Pick<SavedRow, 'id' | 'code'>[],
  before: ReadonlyMap<string, AccountRow> = new Map(),
): Promise<CodeOwner[]> {
  const wanted = rows.flatMap(({ id, code: { signupCode } }) =>
    signupCode === null || signupCode === before.get(id)?.code.signupCode ? [] : [signupCode],
  );
  if (wanted.length === 0) return [];
  const { rows: owners } = await client.query<CodeOwner>({
    name: 'code-owners',
    text: `select c.account_id as id, c.code, coalesce(a.deleted, false) as deleted, c.state = 'pending' as pending
             from signup_codes c left join accounts a on a.id = c.account_id
            where c.code = any($1::text[]) and not c.account_id = any($2::text[])`,
    values: [wanted, rows.map(({ id }) => id)],
  });
  return owners;
}

/** Clears codes that move to another account before the rows are saved, because codes are unique. */
export async function releaseCodes(
  client: Queryable,
  releasing: readonly string[],
  displaced: ResolvedCodes['displaced'],
): Promise<void> {
  if (releasing.length > 0) {
    await client.query({
      name: 'release-codes',
      text: 'update signup_codes set code = null where account_id = any($1::text[])',
      values: [releasing],
    });
  }
  if (displaced.length === 0) return;
  await client.query({
    name: 'displace-codes',
    text: `with changed as (
             update signup_codes c set code = o.code, state = o.state, error = o.error, assigned_at = now()
               from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) as o (id, code, state, error)
              where c.account_id = o.id
             returning c.account_id
           ), ${markChangedAccounts} select from changed`,
    values: [
      displaced.map(({ id }) => id),
      displaced.map(({ code }) => code.signupCode),
      displaced.map(({ code }) => code.state),
      displaced.map(({ code }) => (code.error === null ? null : storableJson(code.error))),
    ],
  });
}

/** Codes that were cleared, or whose account was deleted. */
export function freedCodes(rows: readonly SavedRow[], before: ReadonlyMap<string, AccountRow>): string[] {
  return rows.flatMap(({ id, code, merged }) => {
    const old = before.get(id);
    const had = old?.code.signupCode ?? null;
    const isDeleted =
      merged.values.get(deletedField) === true && old?.merged.values.get(deletedField) !== true;
    return had !== null && (had !== code.signupCode || isDeleted) ? [had] : [];
  });
}

/**
 * Reassigns freed codes to an account on which Salesforce holds them too: a conflict ends when either account changes.
 */
export async function reassignFreedCodes(
  client: Queryable,
  freed: readonly string[],
  at: string,
): Promise<void> {
  if (freed.length === 0) return;
  const { rows: claimants } = await client.query<{ id: string; code: string; owner: string | null }>({
    name: 'code-claimants',
    text: `select distinct on (h.salesforce_code) h.id, h.salesforce_code as code, o.id as owner
             from accounts h join signup_codes f on f.account_id = h.id
             left join signup_codes c on c.code = h.salesforce_code
             left join accounts o on o.id = c.account_id
            where h.salesforce_code = any($1::text[]) and f.state = 'failed' and not h.deleted
              and f.error ->> 'code' = '${duplicateCode}' and (o.id is null or o.deleted)
            order by h.salesforce_code, h.id`,
    values: [freed],
  });
  if (claimants.length === 0) return;
  const displaced = claimants.flatMap(({ id, code, owner }) =>
    owner === null ? [] : [{ id: owner, code: transferred(code, id, at) }],
  );
  await releaseCodes(client, [], displaced);
  await client.query({
    name: 'reassign-codes',
    text: `with changed as (
             update signup_codes c set code = o.code, state = 'confirmed', error = null
               from unnest($1::text[], $2::text[]) as o (id, code) where c.account_id = o.id
             returning c.account_id
           ), ${markChangedAccounts} select from changed`,
    values: [claimants.map(({ id }) => id), claimants.map(({ code }) => code)],
  });
}
