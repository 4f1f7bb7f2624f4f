// Hot statements: hand-written.
import type pg from 'pg';
import { readOwners, reassignFreedCodes } from '../codes/code-ownership.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { CodeOwner } from '../codes/resolve-code-conflicts.ts';
import type { Queryable } from '../db/database.ts';
import { recordLateChanges } from '../history/record-history.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import { type AccountRow, readAccountRows } from './account-row.ts';
import { type AccountChange, type ApplyResult, type Patch, planPatch } from './plan-patch.ts';
import { writePatch } from './write-patch.ts';

/**
 * Merges changes into the mirror in the transaction of the caller: values, deletion, codes, staleness, history. Requires
 * the lock on account writes, which serializes these transactions across all sources, so that two of them cannot insert
 * the same account.
 */
export async function applyChanges(
  client: pg.PoolClient,
  changes: readonly AccountChange[],
  codes: CodeRules,
): Promise<ApplyResult> {
  const table = await loadMirror(client);
  const ids = new Set(changes.map(({ accountId }) => accountId));
  const before = await readAccountRows(client, table, [...ids]);
  const at = new Date().toISOString();
  const patch = await planWithOwners(client, before, changes, codes, at);
  await writePatch(client, table, patch);
  await reassignFreedCodes(client, savedRows(patch), before, at);
  await recordLateChanges(client, patch.late);
  return patch.result;
}

/** Plans until every account that has one of the planned codes is known. Codes are random, so this seldom repeats. */
async function planWithOwners(
  client: Queryable,
  before: ReadonlyMap<string, AccountRow>,
  changes: readonly AccountChange[],
  codes: CodeRules,
  at: string,
): Promise<Patch> {
  const owners = new Map<string, CodeOwner>();
  for (;;) {
    const patch = planPatch(before, changes, { codes, owners: [...owners.values()], at });
    const found = await readOwners(client, savedRows(patch));
    if (found.every(({ code }) => owners.has(code))) return patch;
    for (const owner of found) owners.set(owner.code, owner);
  }
}

function savedRows({ added, changed }: Patch) {
  return [...added, ...changed.map(({ row }) => row)];
}
