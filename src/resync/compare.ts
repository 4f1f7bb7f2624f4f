import { type AccountRow, readAccountRows } from '../apply/account-row.ts';
import { type Change, changedPaths, deletedField, type Merged, merge } from '../apply/merge.ts';
import { heldCode, knowledgeOf } from '../codes/code-knowledge.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import { decideCode } from '../codes/signup-code.ts';
import type { Queryable } from '../db/database.ts';
import { keepValues } from '../fields/cover-fields.ts';
import { loadMirror } from '../mirror/load-mirror.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import type { AccountRead } from '../salesforce/records.ts';
import { includeKnownVersion, type ReadPage, toChange } from './apply-reads.ts';
import type { Difference } from './difference-rows.ts';
import { findUnreadFields } from './read-plan.ts';
import type { ResyncContext, Snapshot } from './snapshot.ts';

/** Compares a page with the mirror. Newer values of the mirror are no difference. */
export async function compareReads(
  context: ResyncContext,
  client: Queryable,
  snapshot: Snapshot,
  page: ReadPage,
): Promise<Difference[]> {
  const { reads, absent } = page;
  const unreadFields = await findUnreadFields(context, client, snapshot.schemaId, new Date(snapshot.readAt));
  const ids = [...reads, ...absent].map(({ id }) => id);
  const rows = await readAccountRows(client, await loadMirror(client), ids);
  return [
    ...reads.flatMap((read) =>
      compareOne(read, rows.get(read.id), {
        snapshot: includeKnownVersion(snapshot, read, page),
        unreadFields,
        context,
      }),
    ),
    ...absent.flatMap(({ id, proof }) =>
      exists(rows.get(id)) ? [extraAccount(id, null, proof === null ? 'not visible' : 'extra')] : [],
    ),
  ];
}

type Comparison = {
  readonly snapshot: Snapshot;
  readonly unreadFields: ReadonlySet<string>;
  readonly context: ResyncContext;
};

function compareOne(read: AccountRead, row: AccountRow | undefined, comparison: Comparison): Difference[] {
  const modifiedAt = new Date(read.systemModstamp);
  if (!exists(row)) {
    if (read.deleted) return [];
    const kind = row === undefined ? 'missing' : 'fields';
    const fields = row === undefined ? [] : [deletedField];
    const values = row === undefined ? {} : { [deletedField]: { mirror: true, salesforce: false } };
    return isDeletedLater(row, read, comparison)
      ? []
      : [{ accountId: read.id, kind, fields, values, modifiedAt }];
  }
  if (row === undefined) return [];
  const change = keepValues(row.merged, toChange(read, comparison.snapshot, comparison.unreadFields));
  const merged = merge(row.merged, change);
  if (merged.values.get(deletedField) === true) return [extraAccount(read.id, modifiedAt)];
  const values = {
    ...fieldDifferences(row, merged.values),
    ...codeDifference(row, change, merged, comparison.context.codes),
  };
  const fields = Object.keys(values).sort();
  return fields.length === 0 ? [] : [{ accountId: read.id, kind: 'fields', fields, values, modifiedAt }];
}

function exists(row: AccountRow | undefined): boolean {
  return row !== undefined && row.merged.values.get(deletedField) !== true;
}

/** Whether the mirror holds a deletion that is newer than the snapshot. */
function isDeletedLater(
  row: AccountRow | undefined,
  read: AccountRead,
  { snapshot, unreadFields }: Comparison,
): boolean {
  if (row === undefined) return false;
  return merge(row.merged, toChange(read, snapshot, unreadFields)).values.get(deletedField) === true;
}

function extraAccount(
  accountId: string,
  modifiedAt: Date | null,
  kind: 'extra' | 'not visible' = 'extra',
): Difference {
  return { accountId, kind, fields: [], values: {}, modifiedAt };
}

type Values = Record<string, { readonly mirror: Scalar; readonly salesforce: Scalar }>;

function fieldDifferences({ merged: before }: AccountRow, after: ReadonlyMap<string, Scalar>): Values {
  const paths = changedPaths(before, { ...before, values: after });
  return Object.fromEntries(
    paths.map((path) => [
      path,
      { mirror: before.values.get(path) ?? null, salesforce: after.get(path) ?? null },
    ]),
  );
}

/** The stored code differs if merging the read would change it. */
function codeDifference(
  { code, merged: before }: AccountRow,
  change: Change,
  merged: Merged,
  { field, restore }: CodeRules,
): Values {
  if (!change.values.has(field)) return {};
  const held = heldCode(merged, field);
  const situation = {
    before: code,
    heldBefore: heldCode(before, field),
    held,
    knowledge: knowledgeOf(change, merged, field),
    deleted: false,
    eligible: false,
    restore,
    at: '',
  };
  const after = decideCode(situation, noNewCode);
  // A refused code that would be sent again is no difference.
  const isRetry = code.state === 'failed' && after.state === 'pending';
  if (after === code || isRetry || held === code.signupCode) return {};
  return { signupCode: { mirror: code.signupCode, salesforce: held } };
}

function noNewCode(): never {
  throw new Error('a comparison generates no codes');
}
