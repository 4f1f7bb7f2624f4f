import type pg from 'pg';
import { topOf } from '../apply/merge.ts';
import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { accountObject } from './load-mirror.ts';
import { quoted } from './mirror-table.ts';
import { type MirrorColumn, unusedName } from './plan-columns.ts';
import { lockViews, readColumnNames } from './table-columns.ts';

/** In place of names of fields: all fields. */
export const allFields = '*';

/** Whether the column `a` of the table is missing, or does not have the type that the catalog `m` has for it. */
const hasDrifted = '(a.atttypid, a.atttypmod) is distinct from (m.type::regtype::oid, -1)';

/**
 * Prepares the restoration of columns that were removed or changed by hand. A column with another type is renamed,
 * which keeps its values, and is no longer maintained. The column of a field that no longer exists is not restored.
 * @returns the fields whose values are lost, `*` for all
 */
export async function restoreColumns(
  client: pg.PoolClient,
  table: string,
): Promise<{ readonly lost: string[]; readonly isRestored: boolean }> {
  const { rows } = await client.query<ColumnDrift>(
    `select m.column_name as name, m.path, m.state, a.attname is not null as present
       from (select column_name, path, state, type from mirror_columns where object = '${accountObject}'
             union all
             select name, '${allFields}', 'current', type from jsonb_each_text($2) f (name, type)) m
       left join pg_attribute a on a.attrelid = $1::regclass and a.attname = m.column_name and not a.attisdropped
      where ${hasDrifted}`,
    [table, JSON.stringify(fixedTypes)],
  );
  const isKeyLost = await restoreKey(client, table);
  if (rows.length === 0) return { lost: isKeyLost ? [allFields] : [], isRestored: isKeyLost };
  await lockViews(client, table);
  const names = new Set(await readColumnNames(client, table));
  for (const { name, state, present } of rows) {
    if (state !== 'current') {
      await client.query(
        `delete from mirror_columns where object = '${accountObject}' and column_name = $1`,
        [name],
      );
    } else if (present) {
      const kept = unusedName(`${name}_changed`, names);
      names.add(kept);
      await client.query(`alter table ${table} rename column ${quoted(name)} to ${quoted(kept)}`);
    }
    const fixed = fixedTypes[name];
    if (fixed === undefined) continue;
    const rest = name === 'isdeleted' ? 'not null default false' : '';
    await client.query(`alter table ${table} add column ${name} ${fixed} ${rest}`);
  }
  const current = rows.filter(({ state }) => state === 'current');
  const lost = [...(isKeyLost ? [allFields] : []), ...current.map(({ path }) => topOf(path))];
  return { lost: [...new Set(lost)], isRestored: true };
}

/** SQL condition: a table has the primary key `id`. */
const hasKey = (table: string): string => `exists (
  select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
   where i.indrelid = ${table} and i.indisprimary and i.indnatts = 1 and a.attname = 'id')`;

/** Restores the primary key. @returns whether the ids are lost; the rows are then deleted */
async function restoreKey(client: pg.PoolClient, table: string): Promise<boolean> {
  const { rows } = await client.query<{ hasKey: boolean }>(`select ${hasKey('$1::regclass')} as "hasKey"`, [
    table,
  ]);
  if (rows[0]?.hasKey === true) return false;
  await lockViews(client, table);
  if ((await readColumnNames(client, table)).includes('id')) {
    await client.query(`alter table ${table} add primary key (id)`);
    return false;
  }
  await client.query(`truncate ${table}; alter table ${table} add column id text primary key`);
  return true;
}

type ColumnDrift = {
  readonly name: string;
  readonly path: string;
  readonly state: MirrorColumn['state'];
  readonly present: boolean;
};

const fixedTypes: Readonly<Record<string, string>> = {
  isdeleted: 'boolean',
  systemmodstamp: 'timestamptz',
  additional_fields: 'jsonb',
};

/** Fields whose columns were restored without values are read again when the fields are next compared. */
export async function saveRestored(client: Queryable, fields: readonly string[]): Promise<void> {
  await client.query({
    text: `update mirror_objects set restored_fields = array(select distinct unnest(restored_fields || $1::text[]))
            where object = '${accountObject}'`,
    values: [fields],
  });
  await sendWakeUp(client, 'schema');
}

/** Whether columns or views of the table of accounts were removed or changed by hand. */
export async function isMirrorDamaged(client: Queryable): Promise<boolean> {
  const { rows } = await client.query<{ damaged: boolean }>({
    name: 'is-mirror-damaged',
    text: `with mirror as (
             select to_regclass(format('%I.%I', schema_name, table_name)) as account,
                    to_regclass(format('%I.%I', schema_name, table_name || '_live')) as live,
                    to_regclass(format('%I.%I', schema_name, table_name || '_history')) as history
               from mirror_objects where object = '${accountObject}')
           select account is null or live is null or history is null or to_regclass('accounts') is null
                  or not ${hasKey('account')}
                  or (select count(*) from pg_attribute a
                       where a.attrelid = account and not a.attisdropped and a.attname = any($1::text[])) < $2
                  or exists (
                    select from mirror_columns m
                      left join pg_attribute a
                        on a.attrelid = account and a.attname = m.column_name and not a.attisdropped
                     where m.object = '${accountObject}'
                       and ${hasDrifted}) as damaged
             from mirror`,
    values: [Object.keys(fixedTypes), Object.keys(fixedTypes).length],
  });
  return rows[0]?.damaged === true;
}

/** Reads the fields whose columns were restored without values; `*` for all. */
export async function readRestoredFields(client: Queryable): Promise<readonly string[]> {
  const { rows } = await client.query<{ fields: string[] }>({
    name: 'restored-fields',
    text: `select restored_fields as fields from mirror_objects where object = '${accountObject}'`,
  });
  return rows[0]?.fields ?? [];
}

export async function clearRestoredFields(client: Queryable, fields: readonly string[]): Promise<void> {
  await client.query({
    name: 'clear-restored-fields',
    text: `update mirror_objects
              set restored_fields = array(select unnest(restored_fields) except select unnest($1::text[]))
            where object = '${accountObject}'`,
    values: [fields],
  });
}
