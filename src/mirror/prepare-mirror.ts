import { createHash } from 'node:crypto';
import type pg from 'pg';
import { lockAccountWrites } from '../db/advisory-locks.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { SchemaField } from '../salesforce/writer-schema.ts';
import { accountIndexes } from './account-indexes.ts';
import { accountObject, readMirrorColumns, readMirrorObject } from './load-mirror.ts';
import { type MirrorTable, mirrorTable, quoted } from './mirror-table.ts';
import {
  baseFields,
  type MirrorColumn,
  type MirroredField,
  planColumns,
  schemaFields,
  unusedName,
} from './plan-columns.ts';
import { allFields, restoreColumns, saveRestored } from './restore-columns.ts';
import { beside, lockViews, readColumnNames, tableName } from './table-columns.ts';
import { accountsView, historyView, liveView } from './view-sql.ts';

export type MirrorSettings = {
  /** `MIRROR_SCHEMA` */
  readonly schema: string;
  /** The field that holds signup codes. */
  readonly codeField: string;
};

/** The setting `MIRROR_SCHEMA` names a schema that cannot be used. */
export class MirrorSchemaError extends Error {}

/** Milliseconds that a change of the columns waits for other sessions. Reads of the table wait behind it. */
const lockTimeoutMs = 1_000;

/**
 * Creates the table of accounts and its views, or adapts them to the settings. Does nothing if they are up to date.
 * @returns the names under which views with other columns, which were changed by hand, are kept
 * @throws MirrorSchemaError if the schema cannot be created, or holds the mirror of another Tidemark
 */
export async function prepareMirror(pool: pg.Pool, settings: MirrorSettings): Promise<readonly string[]> {
  return inTransaction(pool, async (client) => {
    await lockMirror(client);
    await claimTable(client, settings);
    return changeColumns(client, baseFields(settings.codeField), false);
  });
}

/**
 * Adds columns for the fields of a change event schema.
 * @param schema the fields without the header
 * @param isNewest whether other fields no longer exist
 * @returns the names under which views with other columns, which were changed by hand, are kept
 * @throws error 55P03 if another session blocks the table; nothing is changed then
 */
export async function ensureColumns(
  pool: pg.Pool,
  schema: readonly SchemaField[],
  isNewest: boolean,
): Promise<readonly string[]> {
  const { codeField } = await readMirrorObject(pool);
  const fields = schemaFields(schema);
  const paths = new Set(fields.map(({ path }) => path));
  const all = [...baseFields(codeField).filter(({ path }) => !paths.has(path)), ...fields];
  if (planColumns(await readMirrorColumns(pool), all, isNewest).length === 0) return [];
  return inTransaction(pool, async (client) => {
    await lockMirror(client);
    return changeColumns(client, all, isNewest);
  });
}

async function lockMirror(client: Queryable): Promise<void> {
  await client.query(`set local lock_timeout = ${lockTimeoutMs}`);
  // Writers of accounts read the columns under this lock.
  await lockAccountWrites(client);
}

async function claimTable(client: Queryable, { schema, codeField }: MirrorSettings): Promise<void> {
  const { rows } = await client.query<{ schema: string; exists: boolean; schemaExists: boolean }>(
    `select (select schema_name from mirror_objects where object = '${accountObject}') as schema,
            to_regclass($1) is not null as exists, to_regnamespace($2) is not null as "schemaExists"`,
    [`${quoted(schema)}.${tableName}`, quoted(schema)],
  );
  const found = rows[0];
  const claimed = found?.schema ?? null;
  if (claimed !== null && claimed !== schema)
    throw new MirrorSchemaError(
      `MIRROR_SCHEMA is "${schema}", but the mirror of this Tidemark is in the schema "${claimed}".`,
    );
  if (claimed === null && found?.exists === true)
    throw new MirrorSchemaError(
      `MIRROR_SCHEMA: the schema "${schema}" has a table "${tableName}" that belongs to another Tidemark or application; choose another schema.`,
    );
  if (found?.schemaExists !== true) await createSchema(client, schema);
  if (found?.exists !== true) {
    if (claimed !== null) await saveRestored(client, [allFields]);
    await client.query(`create table ${quoted(schema)}.${tableName} (
      id text primary key,
      isdeleted boolean not null default false,
      systemmodstamp timestamptz,
      additional_fields jsonb
    ) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000,
      autovacuum_analyze_scale_factor = 0.02)`);
    await client.query(`delete from mirror_columns where object = '${accountObject}'`);
  }
  await client.query({
    text: `insert into mirror_objects (object, schema_name, table_name, code_field) values ($1, $2, $3, $4)
           on conflict (object) do update set code_field = excluded.code_field, version = gen_random_uuid()
            where mirror_objects.code_field is distinct from excluded.code_field`,
    values: [accountObject, schema, tableName, codeField],
  });
}

async function createSchema(client: Queryable, schema: string): Promise<void> {
  const { rows } = await client.query<{ role: string }>('select quote_ident(current_user) as role');
  const role = rows[0]?.role ?? 'current_user';
  await client.query(`create schema ${quoted(schema)}`).catch((error: Error) => {
    if ((error as { code?: unknown }).code !== '42501') throw error;
    throw new MirrorSchemaError(
      `MIRROR_SCHEMA: the schema "${schema}" does not exist and this role may not create it; run: create schema ${quoted(schema)} authorization ${role}`,
      { cause: error },
    );
  });
}

async function changeColumns(
  client: pg.PoolClient,
  fields: readonly MirroredField[],
  isNewest: boolean,
): Promise<string[]> {
  const object = await readMirrorObject(client);
  const { sql } = mirrorTable(object, []);
  const { lost, isRestored } = await restoreColumns(client, sql);
  const before = await readMirrorColumns(client);
  const present = await readColumnNames(client, sql);
  const planned = planColumns(before, fields, isNewest, present);
  const missing = new Map([...before, ...planned].map(({ name, type }) => [name, type]));
  for (const name of present) missing.delete(name);
  if (missing.size > 0 || planned.length > 0) await lockViews(client, sql);
  if (missing.size > 0) {
    const clauses = [...missing].map(([name, type]) => `add column ${quoted(name)} ${type}`);
    await client.query(`alter table ${sql} ${clauses.join(', ')}`);
  }
  if (planned.length > 0 || isRestored) await saveColumns(client, planned);
  if (lost.length > 0) await saveRestored(client, lost);
  const table = mirrorTable(object, await readMirrorColumns(client));
  for (const { name, definition } of accountIndexes(table))
    if (before.length === 0)
      await client.query(`create index if not exists ${quoted(name)} on ${definition}`);
  return replaceViews(client, table);
}

async function saveColumns(client: Queryable, planned: readonly MirrorColumn[]): Promise<void> {
  // Replaced columns first: a path has one column that is written.
  const ordered = [...planned].sort(
    (a, b) => Number(b.state === 'replaced') - Number(a.state === 'replaced'),
  );
  await client.query({
    text: `with changed as (
             insert into mirror_columns (object, path, column_name, type, field_id, state)
             select '${accountObject}', c.value ->> 'path', c.value ->> 'name', c.value ->> 'type', c.value ->> 'fieldId',
                    c.value ->> 'state'
               from jsonb_array_elements($1) with ordinality c (value, position) order by c.position
             on conflict (object, column_name) do update
                set state = excluded.state, field_id = excluded.field_id, since = now())
           update mirror_objects set version = gen_random_uuid() where object = '${accountObject}'`,
    values: [storableJson(ordered)],
  });
}

/** The comment of a view holds the digest of its definition: a view that is up to date is not locked. */
async function replaceViews(client: pg.PoolClient, table: MirrorTable): Promise<string[]> {
  return [
    ...(await replaceView(client, beside(table.sql, 'live'), liveView(table))),
    ...(await replaceView(client, 'accounts', accountsView(table))),
    ...(await replaceView(client, beside(table.sql, 'history'), historyView)),
  ];
}

/** PostgreSQL's code if the columns of a view do not begin with the former ones. */
const columnsDiffer = '42P16';

/**
 * Other views may depend on one whose columns were changed by hand: it is renamed, not dropped.
 * @returns its new name, if it was renamed
 */
async function replaceView(client: pg.PoolClient, name: string, definition: string): Promise<string[]> {
  const digest = createHash('sha256').update(definition).digest('hex').slice(0, 16);
  const { rows } = await client.query<{ comment: string | null }>(
    `select obj_description(to_regclass($1), 'pg_class') as comment`,
    [name],
  );
  if (rows[0]?.comment?.endsWith(digest) === true) return [];
  const renamed: string[] = [];
  await client.query('savepoint view');
  await client.query(`create or replace view ${name} as ${definition}`).catch(async (error: Error) => {
    if ((error as { code?: unknown }).code !== columnsDiffer) throw error;
    await client.query('rollback to savepoint view');
    renamed.push(await renameView(client, name));
    await client.query(`create view ${name} as ${definition}`);
  });
  await client.query(`comment on view ${name} is 'Maintained by Tidemark. Definition ${digest}'`);
  return renamed;
}

async function renameView(client: pg.PoolClient, name: string): Promise<string> {
  const { rows } = await client.query<{ used: string[]; own: string }>(
    `select v.relname as own, array(select relname from pg_class where relnamespace = v.relnamespace) as used
       from pg_class v where v.oid = $1::regclass`,
    [name],
  );
  const kept = unusedName(`${rows[0]?.own}_changed`, new Set(rows[0]?.used));
  await client.query(`alter view ${name} rename to ${quoted(kept)}`);
  return kept;
}

/** Tells the operator about views that were changed by hand. @param views their new names */
export function logRenamedViews(
  logger: { warn(fields: object, message: string): void },
  views: readonly string[],
): void {
  if (views.length > 0)
    logger.warn({ views }, 'views of the table of accounts were changed by hand; renamed and created again');
}
