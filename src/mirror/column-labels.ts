import pg from 'pg';
import { loadMirror } from './load-mirror.ts';
import { quoted } from './mirror-table.ts';

/** Saves the labels of fields as comments of their columns. @param labels by field path */
export async function saveLabels(pool: pg.Pool, labels: ReadonlyMap<string, string>): Promise<void> {
  const { sql, byPath } = await loadMirror(pool);
  const { rows } = await pool.query<{ name: string; label: string | null }>({
    name: 'mirror-labels',
    text: `select attname as name, col_description(attrelid, attnum) as label from pg_attribute
            where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
    values: [sql],
  });
  const present = new Map(rows.map(({ name, label }) => [name, label]));
  const statements = [...labels].flatMap(([path, label]) => {
    const name = byPath.get(path)?.name;
    return name === undefined || !present.has(name) || present.get(name) === label
      ? []
      : [`comment on column ${sql}.${quoted(name)} is ${pg.escapeLiteral(label)}`];
  });
  // Several statements in one query are one transaction.
  if (statements.length > 0) await pool.query(statements.join(';\n'));
}
