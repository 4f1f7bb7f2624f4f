import type { Queryable } from '../db/database.ts';
import { accountIndexes } from './account-indexes.ts';
import { fieldIndexName, fieldIndexPrefix, foldedNameSql, indexedExpression } from './field-indexes.ts';
import type { MirrorTable } from './mirror-table.ts';

/** An index that the service creates in addition to those of the migrations. */
export type WantedIndex = { readonly name: string; readonly definition: string };

export type IndexWork = {
  /** Names of indexes that are no longer wanted or invalid. */
  readonly drop: readonly string[];
  readonly create: readonly WantedIndex[];
};

export type PresentIndex = { readonly name: string; readonly valid: boolean };

/** Searches use the table of texts only if this index exists. */
export const textsIndex = 'account_texts_search';

/** The indexes of accounts, of these fields, and of the searched texts if the database supports trigrams. */
export function wantedIndexes(
  table: MirrorTable,
  fields: readonly string[],
  trigrams: string | null,
): WantedIndex[] {
  const fieldIndexes = [...new Set(fields)].map((path) => ({
    name: fieldIndexName(table, path),
    definition: `${table.sql} (${indexedExpression(table, path)}, ${foldedNameSql}, id)`,
  }));
  const search = { name: textsIndex, definition: `account_texts using gin (search_text ${trigrams})` };
  return [...accountIndexes(table), ...(trigrams === null ? [] : [search]), ...fieldIndexes];
}

/** The indexes to drop and to create, so that exactly the wanted ones exist and are valid. */
export function indexWork(wanted: readonly WantedIndex[], present: readonly PresentIndex[]): IndexWork {
  const validNames = new Set(present.filter(({ valid }) => valid).map(({ name }) => name));
  const names = new Set(wanted.map(({ name }) => name));
  return {
    drop: present.filter(({ name, valid }) => !valid || !names.has(name)).map(({ name }) => name),
    create: wanted.filter(({ name }) => !validNames.has(name)),
  };
}

/** Reads the indexes that the service has created. */
export async function readPresentIndexes(client: Queryable, table: MirrorTable): Promise<PresentIndex[]> {
  const { rows } = await client.query<PresentIndex>(
    `select c.relname as name, i.indisvalid and i.indisready as valid
       from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid in ($1::regclass, 'account_texts'::regclass)
        and (c.relname = any($2) or starts_with(c.relname, $3))`,
    [table.sql, [textsIndex, ...accountIndexes(table).map(({ name }) => name)], fieldIndexPrefix],
  );
  return rows;
}

/** The operator class for trigram indexes; null if the extension is not installed. */
export async function readTrigramOperators(client: Queryable): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, o.opcname) as name
       from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace where o.opcname = 'gin_trgm_ops' and has_schema_privilege(n.oid, 'USAGE')`,
  );
  return rows[0]?.name ?? null;
}

/** Installs the extension for trigrams. @returns the error message if that fails */
export async function addTrigrams(client: Queryable): Promise<string | undefined> {
  return client.query('create extension if not exists pg_trgm').then(
    () => undefined,
    (error: Error) => error.message,
  );
}
