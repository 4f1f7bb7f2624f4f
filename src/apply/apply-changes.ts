// Hot statements: hand-written.
import type pg from 'pg';
import { freedCodes, readOwners, reassignFreedCodes } from '../codes/code-ownership.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { CodeOwner } from '../codes/resolve-code-conflicts.ts';
import { type Queryable, sentTogether } from '../db/database.ts';
import { recordLateChanges } from '../history/record-history.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import type { MirrorTable } from '../mirror/mirror-table.ts';
import { type AccountRow, readAccountRows, type SavedRow } from './account-row.ts';
import { deletedField } from './merge.ts';
import { type AccountChange, type ApplyResult, type Patch, planPatch } from './plan-patch.ts';
import { encodeColumns, writePatch } from './write-patch.ts';

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
  return applyParts(client, [changes], codes);
}

/**
 * Like {@link applyChanges}, for the parts of a list. A part is planned while PostgreSQL writes the one before it: its
 * accounts are read before that, and the patch that is being written is added to what was read.
 *
 * @param afterPart sends further statements, after those of the part with this index
 */
export async function applyParts(
  client: pg.PoolClient,
  parts: readonly (readonly AccountChange[])[],
  codes: CodeRules,
  afterPart: (index: number) => Promise<unknown> = async () => {},
): Promise<ApplyResult> {
  const table = await loadMirror(client);
  const sent: Promise<unknown>[] = [];
  const send = <T>(statements: Promise<T>): Promise<T> => {
    // Errors are thrown at the end, where the one that caused the others is known.
    statements.catch(() => {});
    sent.push(statements);
    return statements;
  };
  const results: ApplyResult[] = [];
  try {
    let reading = send(readAccountRows(client, table, idsOf(parts[0])));
    for (const [index, changes] of parts.entries()) {
      const before = await reading;
      const next = idsOf(parts[index + 1]);
      const early = send(readAccountRows(client, table, next));
      const at = new Date().toISOString();
      const patch = await planWithOwners(client, before, changes, codes, at);
      const freed = freedCodes(savedRows(patch), before);
      const written = send(writePatch(client, table, patch));
      if (concernsOthers(patch) || freed.length > 0) {
        await written;
        await reassignFreedCodes(client, freed, at);
        await recordLateChanges(client, patch.late);
        reading = send(readAccountRows(client, table, next));
      } else reading = early.then((rows) => addPatch(rows, next, patch, table));
      send(afterPart(index));
      results.push(patch.result);
    }
  } catch (error) {
    sent.push(Promise.reject(error));
  }
  await sentTogether(sent);
  return joinResults(results);
}

function idsOf(changes: readonly AccountChange[] = []): string[] {
  return [...new Set(changes.map(({ accountId }) => accountId))];
}

/** Whether a patch writes more than the rows of its own accounts. */
function concernsOthers({ releasing, displaced, late }: Patch): boolean {
  return releasing.length + displaced.length + late.length > 0;
}

/** The accounts of these ids as they are after the patch. @param rows as they were before */
function addPatch(
  rows: ReadonlyMap<string, AccountRow>,
  ids: readonly string[],
  patch: Patch,
  table: MirrorTable,
): Map<string, AccountRow> {
  const wanted = new Set(ids);
  const saved = savedRows(patch).filter(({ id }) => wanted.has(id));
  return new Map([...rows, ...saved.map((row) => [row.id, savedAccount(table, row)] as const)]);
}

/** The row as {@link readAccountRows} would read it. */
function savedAccount(table: MirrorTable, row: SavedRow): AccountRow {
  const { code, merged, modifiedAt } = row;
  const values = new Map([...merged.values].filter(([, value]) => value !== null));
  values.set(deletedField, values.get(deletedField) === true);
  const isUnconfirmed = code.state === 'pending' || code.state === 'written';
  return {
    ...row,
    merged: { ...merged, values },
    stored: encodeColumns(table, merged, modifiedAt),
    code: isUnconfirmed ? { ...code, assignedAt: code.assignedAt ?? Date.now() } : code,
  };
}

function joinResults(results: readonly ApplyResult[]): ApplyResult {
  return {
    created: results.flatMap(({ created }) => created),
    updated: results.flatMap(({ updated }) => updated),
    unchanged: results.flatMap(({ unchanged }) => unchanged),
    writeBacks: results.flatMap(({ writeBacks }) => writeBacks),
    confirmed: results.flatMap(({ confirmed }) => confirmed),
    stale: results.flatMap(({ stale }) => stale),
    newer: results.flatMap(({ newer }) => newer),
  };
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
    const found = await readOwners(client, savedRows(patch), before);
    if (found.every(({ code }) => owners.has(code))) return patch;
    for (const owner of found) owners.set(owner.code, owner);
  }
}

function savedRows({ added, changed }: Patch): SavedRow[] {
  return [...added, ...changed.map(({ row }) => row)];
}
