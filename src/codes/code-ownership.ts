import type { AccountRow, SavedRow } from '../apply/account-row.ts';
import { deletedField } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import { type CodeOwner, duplicateCode, type ResolvedCodes, transferred } from './resolve-code-conflicts.ts';

/** Reads the accounts outside these rows that have one of their codes. */
export async function readOwners(client: Queryable, rows: readonly SavedRow[]): Promise<CodeOwner[]> {
  const wanted = rows.flatMap(({ code }) => (code.signupCode === null ? [] : [code.signupCode]));
  if (wanted.length === 0) return [];
  const { rows: owners } = await client.query<CodeOwner>({
    name: 'code-owners',
    text: `select id, signup_code as code, deleted, code_state = 'pending' as pending
             from accounts where signup_code = any($1::text[]) and not id = any($2::text[])`,
    values: [wanted, rows.map(({ id }) => id)],
  });
  return owners;
}

/** Clears codes that move to another account before the rows are saved, because codes are unique. */
export async function releaseCodes(
  client: Queryable,
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
  displaced: ResolvedCodes['displaced'],
): Promise<void> {
  const releasing = rows.filter(({ id, code }) => {
    const old = before.get(id)?.code.signupCode ?? null;
    return old !== null && old !== code.signupCode;
  });
  if (releasing.length > 0) {
    await client.query({
      name: 'release-codes',
      text: 'update accounts set signup_code = null where id = any($1::text[])',
      values: [releasing.map(({ id }) => id)],
    });
  }
  if (displaced.length === 0) return;
  await client.query({
    name: 'displace-codes',
    text: `update accounts a
              set signup_code = o.code, code_state = o.state, code_error = o.error,
                  changed_at = clock_timestamp(), revision = a.revision + 1
             from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[]) as o (id, code, state, error)
            where a.id = o.id`,
    values: [
      displaced.map(({ id }) => id),
      displaced.map(({ code }) => code.signupCode),
      displaced.map(({ code }) => code.state),
      displaced.map(({ code }) => (code.error === null ? null : storableJson(code.error))),
    ],
  });
}

/**
 * Reassigns codes that were cleared, or whose account was deleted, to an account on which Salesforce holds them too: a
 * conflict ends when either account changes.
 */
export async function reassignFreedCodes(
  client: Queryable,
  rows: readonly SavedRow[],
  before: ReadonlyMap<string, AccountRow>,
  at: string,
): Promise<void> {
  const freed = rows.flatMap(({ id, code, merged }) => {
    const old = before.get(id);
    const had = old?.code.signupCode ?? null;
    const isDeleted =
      merged.values.get(deletedField) === true && old?.merged.values.get(deletedField) !== true;
    return had !== null && (had !== code.signupCode || isDeleted) ? [had] : [];
  });
  if (freed.length === 0) return;
  const { rows: claimants } = await client.query<{ id: string; code: string; owner: string | null }>({
    name: 'code-claimants',
    text: `select distinct on (h.salesforce_code) h.id, h.salesforce_code as code, o.id as owner
             from accounts h left join accounts o on o.signup_code = h.salesforce_code
            where h.salesforce_code = any($1::text[]) and h.code_state = 'failed' and not h.deleted
              and h.code_error ->> 'code' = '${duplicateCode}' and (o.id is null or o.deleted)
            order by h.salesforce_code, h.id`,
    values: [freed],
  });
  if (claimants.length === 0) return;
  const displaced = claimants.flatMap(({ id, code, owner }) =>
    owner === null ? [] : [{ id: owner, code: transferred(code, id, at) }],
  );
  await releaseCodes(client, [], before, displaced);
  await client.query({
    name: 'reassign-codes',
    text: `update accounts
              set signup_code = salesforce_code, code_state = 'confirmed', code_error = null,
                  changed_at = clock_timestamp(), revision = revision + 1
            where id = any($1::text[])`,
    values: [claimants.map(({ id }) => id)],
  });
}
