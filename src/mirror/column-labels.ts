import pg from 'pg';
import { accountObject, loadMirror } from './load-mirror.ts';
import { quoted } from './mirror-table.ts';

/** Saves the labels of fields as comments of their columns. @param labels by field path */
export async function saveLabels(pool: pg.Pool, labels: ReadonlyMap<string, string>): Promise<void> {
  const { sql, byPath } = await loadMirror(pool);
  const { rows } = await pool.query<{ path: string; label: string | null }>({
    name: 'mirror-labels',
    text: `select path, label from mirror_columns where object = '${accountObject}' and state <> 'replaced'`,
  });
  const changed = rows.flatMap(({ path, label }) => {
    const next = labels.get(path);
    const column = byPath.get(path);
    return next === undefined || next === label || column === undefined ? [] : [{ column, label: next }];
  });
  if (changed.length === 0) return;
  // Several statements in one query are one transaction.
  const statements = changed.flatMap(({ column, label }) => [
    `comment on column ${sql}.${quoted(column.name)} is ${pg.escapeLiteral(label)}`,
    `update mirror_columns set label = ${pg.escapeLiteral(label)}
      where object = '${accountObject}' and column_name = ${pg.escapeLiteral(column.name)}`,
  ]);
  await pool.query(statements.join(';\n'));
}
