import { type ComparableRow, projectionsOf, readComparable } from '../apply/account-row.ts';
import { type Change, changedPaths, deletedField, type Merged, merge } from '../apply/merge.ts';
import { heldCode, knowledgeOf } from '../codes/code-knowledge.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import { decideCode } from '../codes/signup-code.ts';
import type { Queryable } from '../db/database.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import type { AccountRead } from '../salesforce/records.ts';
import { changeOfRead, type ReadPage, withKnown } from './apply-reads.ts';
import type { Difference } from './difference-rows.ts';
import { fieldsMetSince } from './read-plan.ts';
import type { Reading, ResyncContext } from './reading.ts';

/** Where the mirror differs from what was read, without changing anything. Newer values of the mirror count as right. */
export async function compareReads(
  context: ResyncContext,
  client: Queryable,
  reading: Reading,
  page: ReadPage,
): Promise<Difference[]> {
  const { reads, absent } = page;
  const except = await fieldsMetSince(context, reading.schemaId, new Date(reading.readAt));
  const ids = [...reads, ...absent].map(({ id }) => id);
  const rows = await readComparable(client, ids);
  return [
    ...reads.flatMap((read) =>
      compareOne(read, rows.get(read.id), { reading: withKnown(reading, read, page), except, context }),
    ),
    ...absent.flatMap(({ id, proof }) =>
      isAlive(rows.get(id)) ? [extra(id, null, proof === null ? 'not visible' : 'extra')] : [],
    ),
  ];
}

type Comparison = {
  readonly reading: Reading;
  readonly except: ReadonlySet<string>;
  readonly context: ResyncContext;
};

function compareOne(read: AccountRead, row: ComparableRow | undefined, comparison: Comparison): Difference[] {
  const modifiedAt = new Date(read.systemModstamp);
  if (!isAlive(row)) {
    if (read.deleted) return [];
    const kind = row === undefined ? 'missing' : 'fields';
    const fields = row === undefined ? [] : [deletedField];
    const values = row === undefined ? {} : { [deletedField]: { mirror: true, salesforce: false } };
    return hasNewer(row, read, comparison) ? [] : [{ accountId: read.id, kind, fields, values, modifiedAt }];
  }
  if (row === undefined) return [];
  const change = changeOfRead(read, comparison.reading, comparison.except);
  const merged = merge(row.merged, change);
  if (merged.values.get(deletedField) === true) return [extra(read.id, modifiedAt)];
  const values = {
    ...fieldDifferences(row, merged.values),
    ...projectionDifferences(row, comparison.context.codes.field),
    ...codeDifference(row, change, merged, comparison.context.codes),
  };
  const fields = Object.keys(values).sort();
  return fields.length === 0 ? [] : [{ accountId: read.id, kind: 'fields', fields, values, modifiedAt }];
}

function isAlive(row: ComparableRow | undefined): boolean {
  return row !== undefined && row.merged.values.get(deletedField) !== true;
}

/** Deleted by a change that is newer than the reading. */
function hasNewer(
  row: ComparableRow | undefined,
  read: AccountRead,
  { reading, except }: Comparison,
): boolean {
  if (row === undefined) return false;
  return merge(row.merged, changeOfRead(read, reading, except)).values.get(deletedField) === true;
}

function extra(
  accountId: string,
  modifiedAt: Date | null,
  kind: 'extra' | 'not visible' = 'extra',
): Difference {
  return { accountId, kind, fields: [], values: {}, modifiedAt };
}

type Values = Record<string, { readonly mirror: Scalar; readonly salesforce: Scalar }>;

function fieldDifferences({ merged: before }: ComparableRow, after: ReadonlyMap<string, Scalar>): Values {
  const paths = changedPaths(before, { ...before, values: after });
  return Object.fromEntries(
    paths.map((path) => [
      path,
      { mirror: before.values.get(path) ?? null, salesforce: after.get(path) ?? null },
    ]),
  );
}

/** The columns that are searched and sorted by have to say what the fields say. */
function projectionDifferences(row: ComparableRow, codeField: string): Values {
  const right = projectionsOf(row.merged, codeField);
  return Object.fromEntries(
    Object.entries(right)
      .filter(([name, value]) => row.projections[name as keyof typeof right] !== value)
      .map(([name, value]) => [
        `column ${name}`,
        { mirror: row.projections[name as keyof typeof right] ?? null, salesforce: value },
      ]),
  );
}

/** The code that the account is believed to have differs if the read, once merged, would change it. */
function codeDifference(
  { code, merged: before }: ComparableRow,
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
  // A refused code that is sent again is no difference.
  const waits = code.state === 'failed' && after.state === 'pending';
  if (after === code || waits || held === code.signupCode) return {};
  return { signupCode: { mirror: code.signupCode, salesforce: held } };
}

function noNewCode(): never {
  throw new Error('a comparison makes no codes');
}
