import type { SchemaField } from '../salesforce/writer-schema.ts';
import type { ColumnType } from './column-value.ts';

/** A column of a mirrored table, as the catalog `mirror_columns` describes it. */
export type MirrorColumn = {
  /** `Industry`, `BillingAddress.City`. */
  readonly path: string;
  readonly name: string;
  readonly type: ColumnType;
  readonly fieldId: string | null;
  /**
   * - `current`: stores the field
   * - `removed`: the newest schema does not contain the field
   * - `replaced`: another column stores the field since its type has changed; values that were not written since are
   *   still in this one
   */
  readonly state: 'current' | 'removed' | 'replaced';
};

/** A field that gets a column. */
export type MirroredField = Pick<MirrorColumn, 'path' | 'type' | 'fieldId'>;

/** A table row has about 8,160 bytes for values that cannot be moved out. Further fields go to `additional_fields`. */
export const maxColumns = 300;

/** Columns that every mirrored table has besides those of the catalog. */
export const fixedColumns = ['id', 'isdeleted', 'systemmodstamp', 'additional_fields'] as const;

/** The fields that have columns in every table of accounts, whatever the schema. */
export function baseFields(codeField: string): MirroredField[] {
  const text = ['Name', 'AccountNumber', 'Phone', 'Website', 'MasterRecordId', codeField];
  return [
    ...text.map((path) => ({ path, type: 'text', fieldId: null }) as const),
    ...['CreatedDate', 'LastModifiedDate'].map(
      (path) => ({ path, type: 'timestamptz', fieldId: null }) as const,
    ),
  ];
}

/** The columns for the fields of a change event schema without its header; standard fields come first. */
export function schemaFields(schema: readonly SchemaField[]): MirroredField[] {
  const fields = schema.filter(({ name }) => !fixedColumns.includes(name.toLowerCase() as 'id'));
  const isCustom = ({ name }: SchemaField): boolean => /__/.test(name);
  return [...fields.filter((field) => !isCustom(field)), ...fields.filter(isCustom)].flatMap(columnsOf);
}

function columnsOf(field: SchemaField): MirroredField[] {
  const { name, parts, scalars, fieldId = null } = field;
  const hasOwn = parts.length === 0 || scalars?.has('') === true;
  return [
    ...(hasOwn ? [{ path: name, type: typeOf(field, ''), fieldId }] : []),
    ...parts.map((part) => ({ path: `${name}.${part}`, type: typeOf(field, part), fieldId })),
  ];
}

function typeOf({ kind, scalars }: SchemaField, part: string): ColumnType {
  const scalar = scalars?.get(part);
  if (kind !== 'plain' && (scalar === 'long' || scalar === undefined))
    return kind === 'datetime' ? 'timestamptz' : kind;
  return columnTypeOf[scalar ?? 'text'];
}

const columnTypeOf = {
  text: 'text',
  number: 'numeric',
  integer: 'integer',
  long: 'bigint',
  boolean: 'boolean',
} as const;

/**
 * The catalog after a schema: fields without a column get one as long as there are fewer than {@link maxColumns}; a
 * field whose type has changed gets another column and keeps the old one, which it uses again if it gets that type back.
 *
 * @param fields of the schema
 * @param taken names of columns that the table has besides those of the catalog
 * @param isNewest whether fields that the schema does not contain are marked as removed
 * @returns the columns that differ from the catalog, new or with another state
 */
export function planColumns(
  catalog: readonly MirrorColumn[],
  fields: readonly MirroredField[],
  isNewest: boolean,
  taken: readonly string[] = [],
): MirrorColumn[] {
  const known = new Map(
    catalog.filter(({ state }) => state !== 'replaced').map((column) => [column.path, column]),
  );
  const names = new Set<string>([...fixedColumns, ...taken, ...catalog.map(({ name }) => name)]);
  const planned: MirrorColumn[] = [];
  let count = catalog.length;
  for (const field of fields) {
    const column = known.get(field.path);
    if (column !== undefined && column.type === field.type) {
      if (
        isNewest &&
        (column.state === 'removed' || (field.fieldId !== null && field.fieldId !== column.fieldId))
      )
        planned.push({ ...column, state: 'current', fieldId: field.fieldId });
      continue;
    }
    // An event of an older schema does not change the type back.
    if (column !== undefined && !isNewest) continue;
    const former = catalog.find(
      ({ path, type, state }) => state === 'replaced' && path === field.path && type === field.type,
    );
    if (former === undefined && count >= maxColumns) continue;
    if (column !== undefined) planned.push({ ...column, state: 'replaced' });
    if (former !== undefined) {
      planned.push({ ...former, state: 'current', fieldId: field.fieldId });
      continue;
    }
    const name = unusedName(columnName(field.path), names);
    names.add(name);
    planned.push({ ...field, name, state: 'current' });
    count++;
  }
  if (isNewest) {
    const paths = new Set(fields.map(({ path }) => path));
    for (const column of known.values())
      if (column.state === 'current' && !paths.has(column.path))
        planned.push({ ...column, state: 'removed' });
  }
  return planned;
}

/**
 * The name of a part of a compound field in Salesforce's API, in lower case: `BillingAddress.City` → `billingcity`,
 * `Name.FirstName` → `firstname`, `Site__c.Latitude` → `site__latitude__s`.
 */
export function columnName(path: string): string {
  const [field = '', part] = path.split('.');
  if (part === undefined) return cut(field.toLowerCase());
  const name =
    field === 'Name'
      ? part
      : field.endsWith('__c')
        ? `${field.slice(0, -1)}${part}__s`
        : `${field.replace(/Address$/, '')}${part}`;
  return cut(name.toLowerCase());
}

/** PostgreSQL cuts names after 63 bytes. Names of fields are ASCII. */
function cut(name: string, suffix = ''): string {
  return name.slice(0, 63 - suffix.length) + suffix;
}

/** The name, numbered if it is in use. */
export function unusedName(name: string, used: ReadonlySet<string>): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : cut(name, `_${number}`);
    if (!used.has(candidate)) return candidate;
  }
}
