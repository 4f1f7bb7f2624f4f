import { storableJson } from '../db/storable.ts';
import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import { decodeColumn, fitsColumn } from './column-value.ts';
import type { MirrorColumn } from './plan-columns.ts';

/** A mirrored table: where the value of each field is stored. */
export type MirrorTable = {
  /** Changes with the columns; part of the names of prepared statements. */
  readonly version: string;
  /** Qualified name for SQL. */
  readonly sql: string;
  /** The field that holds signup codes. */
  readonly codeField: string;
  /** In the order of the catalog. */
  readonly columns: readonly MirrorColumn[];
  /** The column that each field is written to. */
  readonly byPath: ReadonlyMap<string, MirrorColumn>;
};

/** A row of `mirror_objects`. */
export type MirrorObject = {
  readonly version: string;
  readonly schema: string;
  readonly name: string;
  readonly codeField: string;
};

/** Values of a row by column; a missing column is null. `additional_fields` is JSON text. */
export type RowValues = ReadonlyMap<string, Scalar>;

export function mirrorTable(
  { version, schema, name, codeField }: MirrorObject,
  columns: readonly MirrorColumn[],
): MirrorTable {
  return {
    version,
    sql: `${quoted(schema)}.${quoted(name)}`,
    codeField,
    columns,
    byPath: new Map(
      columns.filter(({ state }) => state !== 'replaced').map((column) => [column.path, column]),
    ),
  };
}

/** The name as an identifier of SQL. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

const nameField = 'Name';
const deletedPath = 'IsDeleted';
const personParts = ['Salutation', 'FirstName', 'MiddleName', 'LastName', 'Suffix'];

/** The name of a business account, or the name of a person account in the format of Salesforce. */
export function displayName(values: FieldValues): string | null {
  const name = values.get(nameField) ?? null;
  if (name !== null) return String(name);
  const filled = personParts.flatMap((part) => values.get(`${nameField}.${part}`) ?? []);
  return filled.length === 0 ? null : filled.join(' ');
}

/** The columns of a row, without its id. Values that fit no column are in `additional_fields`. */
export function encodeRow(table: MirrorTable, values: FieldValues): Map<string, Scalar> {
  const row = new Map<string, Scalar>();
  const additional = new Map<string, Scalar>();
  for (const [path, value] of values) {
    if (path === deletedPath || value === null) continue;
    const column = table.byPath.get(path);
    if (column !== undefined && fitsColumn(column.type, value)) row.set(column.name, value);
    else additional.set(path, value);
  }
  // The column of the name has that of a person too. It then stands for the parts.
  const nameColumn = table.byPath.get(nameField);
  if (nameColumn !== undefined && hasPersonName(values)) {
    const name = values.get(nameField) ?? null;
    if (name !== null) additional.set(nameField, name);
    row.set(nameColumn.name, displayName(values));
  }
  row.set('isdeleted', values.get(deletedPath) === true);
  if (additional.size > 0) row.set('additional_fields', additionalJson([...additional]));
  return row;
}

function additionalJson(entries: [string, Scalar][]): string {
  return storableJson(Object.fromEntries(entries.sort(byName)));
}

function byName([a]: [string, Scalar], [b]: [string, Scalar]): number {
  return a < b ? -1 : 1;
}

function hasPersonName(values: FieldValues): boolean {
  return personParts.some((part) => (values.get(`${nameField}.${part}`) ?? null) !== null);
}

/** A row of a mirrored table. */
export type DecodedRow = {
  /** The inverse of {@link encodeRow}, apart from null values, which it does not contain. */
  readonly values: ReadonlyMap<string, Scalar>;
  /** The stored columns with a value. */
  readonly stored: RowValues;
};

/** @param texts the columns of {@link selectedColumns} as text */
export function decodeRow(table: MirrorTable, texts: readonly (string | null)[]): DecodedRow {
  const values = new Map<string, Scalar>();
  const stored = new Map<string, Scalar>();
  const { columns } = table;
  for (let index = 0; index < columns.length; index++) {
    const text = texts[index] ?? null;
    const column = columns[index];
    if (text === null || column === undefined) continue;
    const value = decodeColumn(column.type, text);
    stored.set(column.name, value);
    // A row has a value in one column of a field at most, unless it was changed by hand.
    if (column.state !== 'replaced' || !values.has(column.path)) values.set(column.path, value);
  }
  if (hasPersonName(values)) values.delete(nameField);
  const additional = texts[columns.length + 1] ?? null;
  if (additional !== null) {
    const extra = Object.entries(JSON.parse(additional) as Record<string, Scalar>);
    for (const [path, value] of extra) values.set(path, value);
    stored.set('additional_fields', additionalJson(extra));
  }
  const isDeleted = texts[columns.length] === 't';
  values.set(deletedPath, isDeleted);
  stored.set('isdeleted', isDeleted);
  return { values, stored };
}

/** The columns that {@link decodeRow} reads, for a select list. */
export function selectedColumns(table: MirrorTable, alias: string): string {
  return [...table.columns.map(({ name }) => name), 'isdeleted', 'additional_fields']
    .map((name) => `${alias}.${quoted(name)}`)
    .join(', ');
}

/** The columns whose values differ between two rows, with the new values. */
export function changedColumns(before: RowValues, after: RowValues): Map<string, Scalar> {
  const changed = new Map<string, Scalar>();
  for (const [name, value] of after) if (before.get(name) !== value) changed.set(name, value);
  for (const name of before.keys()) if (!after.has(name)) changed.set(name, null);
  return changed;
}
