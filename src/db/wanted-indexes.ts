import type pg from 'pg';
import type { Queryable } from './database.ts';
import { fieldIndexName, fieldIndexPrefix, foldedNameSql, indexedExpression } from './field-indexes.ts';

/** An index that the service makes by itself, beside those of the migrations. */
export type WantedIndex = { readonly name: string; readonly definition: string };

export type IndexWork = {
  /** Names: no longer wanted, or broken off half built. */
  readonly drop: readonly string[];
  readonly create: readonly WantedIndex[];
};

export type PresentIndex = { readonly name: string; readonly valid: boolean };

const searchIndex = 'accounts_search';
/** Made once all texts are there: whoever finds it takes their table to be whole. */
export const textsIndex = 'account_texts_search';

/** The indexes of these fields, and of the searched text where this database knows trigrams. */
export function wantedIndexes(fields: readonly string[], trigrams: string | null): WantedIndex[] {
  const ofFields = [...new Set(fields)].map((path) => ({
    name: fieldIndexName(path),
    definition: `accounts (${indexedExpression(path)}, ${foldedNameSql}, id)`,
  }));
  if (trigrams === null) return ofFields;
  const byTrigrams = (table: string): string => `${table} using gin (search_text ${trigrams})`;
  return [
    { name: searchIndex, definition: byTrigrams('accounts') },
    { name: textsIndex, definition: byTrigrams('account_texts') },
    ...ofFields,
  ];
}

/** What is to be done so that there are exactly the wanted ones, all of them whole. */
export function indexWork(wanted: readonly WantedIndex[], present: readonly PresentIndex[]): IndexWork {
  const whole = new Set(present.filter(({ valid }) => valid).map(({ name }) => name));
  const names = new Set(wanted.map(({ name }) => name));
  return {
    drop: present.filter(({ name, valid }) => !valid || !names.has(name)).map(({ name }) => name),
    create: wanted.filter(({ name }) => !whole.has(name)),
  };
}

export async function readPresentIndexes(client: Queryable): Promise<PresentIndex[]> {
  const { rows } = await client.query<PresentIndex>(
    `select c.relname as name, i.indisvalid and i.indisready as valid
       from pg_index i join pg_class c on c.oid = i.indexrelid
      where i.indrelid in ('accounts'::regclass, 'account_texts'::regclass)
        and (c.relname = any($1) or starts_with(c.relname, $2))`,
    [[searchIndex, textsIndex], fieldIndexPrefix],
  );
  return rows;
}

/** The name of the operators that index trigrams, or null where the extension is not there. */
export async function readTrigramOperators(client: Queryable): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `select format('%I.%I', n.nspname, o.opcname) as name
       from pg_opclass o join pg_namespace n on n.oid = o.opcnamespace where o.opcname = 'gin_trgm_ops' and has_schema_privilege(n.oid, 'USAGE')`,
  );
  return rows[0]?.name ?? null;
}

/** Adds the extension for trigrams. @returns why it can't be had, if so */
export async function addTrigrams(client: pg.Client): Promise<string | undefined> {
  return client.query('create extension if not exists pg_trgm').then(
    () => undefined,
    (error: Error) => error.message,
  );
}
