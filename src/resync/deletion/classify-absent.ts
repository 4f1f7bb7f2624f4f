import type { AccountChange } from '../../apply/plan-patch.ts';
import { laterVersion, parseVersion, readVersion, type Version } from '../../apply/version.ts';
import type { Queryable } from '../../db/database.ts';
import type { Snapshot } from '../snapshot.ts';
import type { Absence } from './deletion-proof.ts';
import type { Invisible } from './invisible-rows.ts';
import { toDeletion } from './settle-invisible.ts';

export type AbsentAccounts = {
  readonly deletions: readonly AccountChange[];
  /** Existing in the mirror, without proof of a deletion. */
  readonly invisible: readonly Invisible[];
  /** Neither in Salesforce nor in the mirror. */
  readonly unknownIds: readonly string[];
};

/** Classifies accounts that a snapshot requested and did not get. Its deletions are newer than all that is known. */
export async function classifyAbsent(
  client: Queryable,
  { watermark, readAt, resyncId }: Snapshot,
  absent: readonly Absence[],
): Promise<AbsentAccounts> {
  const ids = absent.map(({ id }) => id);
  const known = await readExisting(client, ids);
  const deletions: AccountChange[] = [];
  const invisible: Invisible[] = [];
  for (const { id, proof } of absent) {
    const account = known.get(id);
    if (account === undefined) continue;
    const version = readVersion(0, laterVersion(watermark, account.version), readAt);
    if (account.deleted || proof !== null) deletions.push(toDeletion({ id, version }, resyncId));
    else invisible.push({ id, version });
  }
  return { deletions, invisible, unknownIds: ids.filter((id) => !known.has(id)) };
}

export function provenIds(absent: readonly Absence[]): string[] {
  return absent.filter(({ proof }) => proof !== null).map(({ id }) => id);
}

type KnownAccount = { readonly version: Version; readonly deleted: boolean };

async function readExisting(client: Queryable, ids: readonly string[]): Promise<Map<string, KnownAccount>> {
  if (ids.length === 0) return new Map();
  const { rows } = await client.query<{ id: string; version: string; deleted: boolean }>({
    name: 'existing-accounts',
    text: 'select id, version, deleted from accounts where id = any($1::text[])',
    values: [ids],
  });
  return new Map(rows.map(({ id, version, deleted }) => [id, { version: parseVersion(version), deleted }]));
}
