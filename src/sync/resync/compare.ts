import type { Queryable } from '../../db/database.ts';
import type { Scalar } from '../../salesforce/change-event.ts';
import type { AccountRead } from '../../salesforce/records.ts';
import { type ComparableRow, projectionsOf, readComparable } from '../account-row.ts';
import { changedPaths, deletedField, merge } from '../merge.ts';
import { fieldsMetSince } from '../read-plan.ts';
import { changeOf, type ReadPage, withKnown } from './apply-reads.ts';
import type { Difference } from './difference-rows.ts';
import type { Reading, ResyncContext } from './reading.ts';

/** Where the mirror differs from what was read, without changing anything. Newer values of the mirror count as right. */
export async function compareReads(
  context: ResyncContext,
  client: Queryable,
  reading: Reading,
  page: ReadPage,
): Promise<Difference[]> {
  const { reads, missing } = page;
  const except = await fieldsMetSince(context, reading.schemaId, new Date(reading.readAt));
  const rows = await readComparable(client, [...reads.map(({ id }) => id), ...missing]);
  return [
    ...reads.flatMap((read) =>
      compareOne(read, rows.get(read.id), { reading: withKnown(reading, read, page), except, context }),
    ),
    ...missing.flatMap((id) => (isAlive(rows.get(id)) ? [extra(id, null)] : [])),
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
  const merged = merge(row.merged, changeOf(read, comparison.reading, comparison.except));
  if (merged.values.get(deletedField) === true) return [extra(read.id, modifiedAt)];
  const values = {
    ...fieldDifferences(row, merged.values),
    ...projectionDifferences(row, comparison.context.codes.field),
    ...codeDifference(row, merged.values.get(comparison.context.codes.field) ?? null),
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
  return merge(row.merged, changeOf(read, reading, except)).values.get(deletedField) === true;
}

function extra(accountId: string, modifiedAt: Date | null): Difference {
  return { accountId, kind: 'extra', fields: [], values: {}, modifiedAt };
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

/** A code on its way to Salesforce differs from what Salesforce holds; one that is said to be there must be there. */
function codeDifference({ code }: ComparableRow, held: Scalar): Values {
  const expected = held === '' ? null : held;
  if (code.signupCode === expected) return {};
  const settled = code.state === 'confirmed' || (code.state === 'none' && expected !== null);
  return settled ? { signupCode: { mirror: code.signupCode, salesforce: expected } } : {};
}
