import type pg from 'pg';
import type { Queryable } from '../db/database.ts';
import type { ColumnType } from './column-value.ts';
import { type MirrorObject, type MirrorTable, mirrorTable } from './mirror-table.ts';
import type { MirrorColumn } from './plan-columns.ts';

/** The mirrored object. */
export const accountObject = 'Account';

/**
 * Reads the table of accounts. The columns are cached by the version of the catalog, which is read each time: a
 * transaction that holds the lock on account writes never sees outdated columns.
 * @throws if the mirror is not prepared
 */
export async function loadMirror(client: Queryable): Promise<MirrorTable> {
  const object = await readMirrorObject(client);
  const known = tables.get(object.version);
  if (known !== undefined) return known;
  const table = mirrorTable(object, await readMirrorColumns(client));
  if (tables.size >= maxCached) tables.clear();
  tables.set(object.version, table);
  return table;
}

/**
 * Reads rows with the columns as this process last read them, without a query for the catalog.
 *
 * @param read is repeated with the current columns if a row has another `columnsVersion`, see {@link columnsVersion}
 */
export async function readWithColumns<Result>(
  pool: pg.Pool,
  read: (table: MirrorTable) => Promise<{ readonly version: string | undefined; readonly result: Result }>,
): Promise<Result> {
  let table = lastRead.get(pool) ?? (await loadMirror(pool));
  for (;;) {
    lastRead.set(pool, table);
    const { version, result } = await read(table);
    if (version === undefined || version === table.version) return result;
    table = await loadMirror(pool);
  }
}

/** Makes the next {@link readWithColumns} use the current columns. */
export async function refreshColumns(pool: pg.Pool): Promise<void> {
  lastRead.set(pool, await loadMirror(pool));
}

const lastRead = new WeakMap<pg.Pool, MirrorTable>();

/** SQL for the version of the columns in the snapshot of a statement. */
export const columnsVersion = `(select version::text from mirror_objects where object = '${accountObject}')`;

const tables = new Map<string, MirrorTable>();
const maxCached = 20;

/** @throws if the mirror is not prepared */
export async function readMirrorObject(client: Queryable): Promise<MirrorObject> {
  const { rows } = await client.query<MirrorObject>({
    name: 'mirror-object',
    text: `select version::text, schema_name as schema, table_name as name, code_field as "codeField"
             from mirror_objects where object = '${accountObject}'`,
  });
  if (rows[0] === undefined) throw new Error('The mirror is not prepared.');
  return rows[0];
}

/** Reads the catalog of the columns of accounts. */
export async function readMirrorColumns(client: Queryable): Promise<MirrorColumn[]> {
  const { rows } = await client.query<{
    path: string;
    column_name: string;
    type: ColumnType;
    field_id: string | null;
    state: MirrorColumn['state'];
  }>({
    name: 'mirror-columns',
    text: `select path, column_name, type, field_id, state from mirror_columns
            where object = '${accountObject}' order by position`,
  });
  return rows.map(({ path, column_name, type, field_id, state }) => ({
    path,
    name: column_name,
    type,
    fieldId: field_id,
    state,
  }));
}
