import type { Database, Queryable } from './database.ts';
import type { PrismaClient } from './generated/client.ts';

/**
 * Checks in the catalog that all tables and columns of the Prisma schema exist.
 * @throws if one is missing because the database was changed by hand
 */
export async function checkTables({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): Promise<void> {
  const existing = new Set(await readColumns(pool, ['r', 'p', 'v']));
  const missing = modelColumns(prisma).find((name) => !existing.has(name));
  if (missing !== undefined)
    throw new Error(
      `column ${missing} does not exist, although all migrations are applied: it was removed by hand`,
    );
}

/** Columns of the Prisma schema, such as `resyncs.id`, without those of the accounts, which are restored. */
function modelColumns(prisma: PrismaClient): string[] {
  // Not in the types of the client. The alternative is a query of each table, which Prisma compiles at each start.
  const { models } = (prisma as unknown as { _runtimeDataModel: DataModel })._runtimeDataModel;
  return Object.entries(models)
    .filter(([model]) => model !== 'Account')
    .flatMap(([model, { dbName, fields }]) =>
      fields
        .filter(({ kind }) => kind === 'scalar' || kind === 'enum')
        .map((field) => `${dbName ?? model}.${field.dbName ?? field.name}`),
    );
}

type DataModel = {
  readonly models: Readonly<
    Record<
      string,
      {
        readonly dbName: string | null;
        readonly fields: readonly {
          readonly name: string;
          readonly kind: string;
          readonly dbName?: string;
        }[];
      }
    >
  >;
};

/**
 * Reads the existing columns, such as `accounts.name`, from the catalog, which no lock on a table delays.
 * @param kinds as in `pg_class.relkind`; tables by default
 */
export async function readColumns(
  client: Queryable,
  kinds: readonly string[] = ['r', 'p'],
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>({
    name: 'read-columns',
    text: columnsSql('any($1)'),
    values: [kinds],
  });
  return rows.map(({ name }) => name);
}

/** SQL for {@link readColumns}: a row with the name of each column. */
export function columnsSql(kinds: string): string {
  return `select c.relname || '.' || a.attname as name
            from pg_class c join pg_attribute a on a.attrelid = c.oid
           where c.relnamespace = quote_ident(current_schema())::regnamespace and c.relkind = ${kinds}
             and a.attnum > 0 and not a.attisdropped`;
}
