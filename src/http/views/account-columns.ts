// Hot statements: hand-written.

import type { Static } from 'typebox';
import { topOf } from '../../apply/merge.ts';
import { Prisma } from '../../db/generated/client.ts';
import { columnsVersion } from '../../mirror/load-mirror.ts';
import { type MirrorTable, quoted } from '../../mirror/mirror-table.ts';
import type { MirrorColumn } from '../../mirror/plan-columns.ts';
import { chunks, typedRow, valueJson } from '../../mirror/view-sql.ts';
import type { Scalar } from '../../salesforce/change-event.ts';
import { masterField } from '../../salesforce/records.ts';
import type { AccountSchema } from '../schemas/account.ts';
import { type AccountRow, type AccountShape, accountMembers, fieldNamesOf } from './account.ts';

/** A row of the view `accounts`, with the fields as PostgreSQL writes them. */
export type StoredAccount = Omit<AccountRow, 'fields'> & {
  /** JSON text of the fields of the schema; null without the values. */
  readonly fields: string | null;
  /** Values by path that are not in `fields`: those without a column, and of columns that the schema does not contain. */
  readonly others: Readonly<Record<string, Scalar>> | null;
  readonly columnsVersion: string;
};

/**
 * The columns of a `StoredAccount`. PostgreSQL writes the JSON: in Node, the objects of a page would be most of the
 * garbage of a request.
 *
 * @param fields whether they include the values, which dominate the cost of a read
 */
export function accountColumns(table: MirrorTable, shape: AccountShape, fields = true): Prisma.Sql {
  const values = fields ? valueColumns(table, shape) : 'null as fields, null as others';
  const master = `${typedRow}${quoted(table.byPath.get(masterField)?.name ?? '')}`;
  return Prisma.raw(`id, ${values}, ${columnsVersion} as "columnsVersion", name, account_number as "accountNumber",
  signup_code as "signupCode", pending_signup_code as "pendingSignupCode", code_state as "codeState",
  code_error as "codeError", created_at as "createdAt", modified_at as "modifiedAt", deleted_at as "deletedAt",
  ${master} as "mergedInto", stale_version as "staleVersion", changed_at as "changedAt", synced_at as "syncedAt",
  replaced_fields as "replacedFields", version`);
}

const cache = new WeakMap<MirrorTable, { readonly shape: AccountShape; readonly sql: string }>();

function valueColumns(table: MirrorTable, shape: AccountShape): string {
  const cached = cache.get(table);
  if (cached?.shape.fieldNames === shape.fieldNames) return cached.sql;
  const { names, known } = fieldNamesOf(shape);
  const byTop = Map.groupBy(table.byPath.values(), ({ path }) => topOf(path));
  const members = names.map((name) => `'${name}', ${fieldSql(table, byTop.get(name) ?? [])}`);
  const unknown = [...table.byPath.values()].filter(({ path }) => !known.has(topOf(path)));
  const others = unknown.map((column) => `'${column.path}', ${valueJson(table, column, typedRow)}`);
  const sql = `${jsonObject(members)} as fields, ${othersSql(others)} as others`;
  cache.set(table, { shape, sql });
  return sql;
}

/** `additional_fields` and other members with a value; null if there are none. */
function othersSql(members: readonly string[]): string {
  const objects = chunks(members, 50).map(
    (some) => `jsonb_strip_nulls(jsonb_build_object(${some.join(', ')}))`,
  );
  const additional = `${typedRow}additional_fields`;
  if (objects.length === 0) return additional;
  return `nullif(coalesce(${additional}, '{}') || ${objects.join(' || ')}, '{}')`;
}

/** JSON of a field; of a compound field an object of its non-empty parts, or null. */
function fieldSql(table: MirrorTable, columns: readonly MirrorColumn[]): string {
  const parts = columns.filter(({ path }) => path.includes('.'));
  const own = columns
    .filter(({ path }) => !path.includes('.'))
    .map((column) => valueJson(table, column, typedRow));
  if (parts.length === 0) return own[0] ?? 'null';
  const values = parts.map((column) => valueJson(table, column, typedRow));
  const members = parts.map(({ path }, index) => `'${path.slice(topOf(path).length + 1)}', ${values[index]}`);
  const object = `json_strip_nulls(json_build_object(${members.join(', ')}))`;
  const whole = own.length === 0 ? 'null' : `to_json(${own.join()})`;
  return `case when num_nonnulls(${values.join(', ')}) > 0 then ${object} else ${whole} end`;
}

/** The text of an object. A function has at most 100 arguments. */
function jsonObject(members: readonly string[]): string {
  const objects = chunks(members, 50).map((some) => `json_build_object(${some.join(', ')})::text`);
  return objects.length === 0
    ? `'{}'`
    : objects.reduce((all, some) => `left(${all}, -1) || ',' || substr(${some}, 2)`);
}

/** The JSON text of an account. */
export function accountText(row: StoredAccount, shape: AccountShape): string {
  const fields = row.others === null ? row.fields : JSON.stringify(decodeFields(row, shape));
  return `${JSON.stringify(accountMembers(row)).slice(0, -1)},"fields":${fields}}`;
}

/** Decodes an account, to select members of it. */
export function decodeAccount(row: StoredAccount, shape: AccountShape): Static<typeof AccountSchema> {
  return { ...accountMembers(row), fields: decodeFields(row, shape) };
}

/** The fields of the schema, followed by others with a value. */
function decodeFields({ fields, others }: StoredAccount, shape: AccountShape): Record<string, unknown> {
  const decoded: Record<string, unknown> = JSON.parse(fields ?? '{}');
  const { names, known } = fieldNamesOf(shape);
  const shown = new Set(names);
  for (const [path, value] of Object.entries(others ?? {})) {
    const [top = '', part] = path.split('.');
    if ((known.has(top) && !shown.has(top)) || top === '__proto__') continue;
    const compound = decoded[top];
    if (part === undefined) decoded[top] = value;
    else if (typeof compound === 'object' && compound !== null) Object.assign(compound, { [part]: value });
    else decoded[top] = { [part]: value };
  }
  return decoded;
}
