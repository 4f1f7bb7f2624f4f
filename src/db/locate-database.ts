import pg from 'pg';
import { connectionTo } from './servers.ts';
import { parseSearchPath, pinSession, schemaParameter } from './session-options.ts';

/** The schema of the tables, and a connection string whose sessions use only this schema. */
export type DatabaseAddress = { readonly url: string; readonly schema: string };

/**
 * Determines the schema of the tables by the rules of PostgreSQL: the first one of the search path, which comes from
 * the role, the database, the `options` of the URL or its `schema` parameter. A schema of that path that already holds
 * Tidemark's tables is preferred, so that a schema created later does not hide them.
 *
 * @throws if the schema does not exist and cannot be created, or this role cannot create tables in it
 */
export async function locateDatabase(url: string): Promise<DatabaseAddress> {
  const client = new pg.Client({
    ...connectionTo(url),
    application_name: 'tidemark',
    connectionTimeoutMillis: 5_000,
    query_timeout: 10_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const named = schemaParameter(url);
    const path = named === undefined ? await readSearchPath(client) : [named];
    const schema = chooseSchema(path, await readSchemas(client, path));
    if (!schema.exists) await createSchema(client, schema.name);
    else if (!schema.isInstalled && !schema.isWritable) throw notWritable(schema.name);
    return { url: pinSession(url, schema.name), schema: schema.name };
  } finally {
    await client.end().catch(() => {});
  }
}

export type FoundSchema = {
  readonly name: string;
  /** Whether Tidemark's tables are in it. */
  readonly isInstalled: boolean;
  /** Whether this role may create tables in it. */
  readonly isWritable: boolean;
};

export type ChosenSchema = FoundSchema & { readonly exists: boolean };

/**
 * @param path names of the search path in order; `$user` is resolved already, to undefined if there is no such schema
 * @throws if the path names no schema at all
 */
export function chooseSchema(path: readonly string[], found: readonly FoundSchema[]): ChosenSchema {
  const installed = found.find(({ isInstalled }) => isInstalled);
  if (installed !== undefined) return { ...installed, exists: true };
  const [first] = path;
  if (first === undefined)
    throw new Error('the search path names no schema; name one with ?schema= in the URL');
  const present = found.find(({ name }) => name === first);
  if (present !== undefined) return { ...present, exists: true };
  return { name: first, isInstalled: false, isWritable: false, exists: false };
}

/** The schemas of the search path in order, without those of PostgreSQL itself and without a `$user` that is absent. */
async function readSearchPath(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ path: string; user: string; hasOwn: boolean }>(
    `select current_setting('search_path') as path, current_user as user,
            to_regnamespace(quote_ident(current_user)) is not null as "hasOwn"`,
  );
  const [{ path, user, hasOwn } = { path: '', user: '', hasOwn: false }] = rows;
  return parseSearchPath(path)
    .flatMap((name) => (name !== '$user' ? [name] : hasOwn ? [user] : []))
    .filter((name) => !name.startsWith('pg_'));
}

async function readSchemas(client: pg.Client, path: readonly string[]): Promise<FoundSchema[]> {
  const { rows } = await client.query<FoundSchema>(
    `select n.nspname as name,
            (select count(*) from pg_class c where c.relnamespace = n.oid
                and c.relname in ('_prisma_migrations', 'event_schemas')) = 2 as "isInstalled",
            has_schema_privilege(n.oid, 'CREATE') and has_schema_privilege(n.oid, 'USAGE') as "isWritable"
       from unnest($1::text[]) with ordinality as path(name, place)
       join pg_namespace n on n.nspname = path.name
      order by place`,
    [path],
  );
  return rows;
}

/** @throws with the statement to run if this role may not create schemas */
export async function createSchema(client: pg.ClientBase, name: string): Promise<void> {
  const quoted = client.escapeIdentifier(name);
  await client.query(`create schema if not exists ${quoted}`).catch((error: pg.DatabaseError) => {
    // Another process created it at the same moment.
    if (error.code === '23505' || error.code === '42P06') return;
    if (error.code !== '42501') throw error;
    throw new Error(
      `the schema ${quoted} does not exist and this role may not create it; run: create schema ${quoted} authorization <role>`,
      { cause: error },
    );
  });
}

function notWritable(name: string): Error {
  return new Error(
    `this role may not create tables in the schema "${name}"; grant it usage and create on it, or name another schema with ?schema= in the URL`,
  );
}
