// Hot statements: hand-written, with one parameter.
import type pg from 'pg';
import { statementName } from '../../db/statement-name.ts';
import { readWithColumns } from '../../mirror/load-mirror.ts';
import type { AccountShape } from './account.ts';
import { accountColumns, type StoredAccount } from './account-columns.ts';

/** What `ETag` and `Last-Modified` of an account are derived from. */
export type AccountRevision = { readonly revision: bigint; readonly changedAt: Date };

export type RevisedAccount = StoredAccount & AccountRevision;

/**
 * Reads an account; undefined if it is not in the mirror. Accounts that are requested in the same turn of the event
 * loop are read by one statement.
 */
export async function readAccount(
  pool: pg.Pool,
  shape: AccountShape,
  id: string,
): Promise<RevisedAccount | undefined> {
  let batch = collecting.get(pool);
  if (batch?.shape.fieldNames !== shape.fieldNames) {
    batch = collectBatch(pool, shape);
    collecting.set(pool, batch);
  }
  batch.ids.add(id);
  return (await batch.accounts).get(id);
}

type Batch = {
  readonly shape: AccountShape;
  readonly ids: Set<string>;
  readonly accounts: Promise<ReadonlyMap<string, RevisedAccount>>;
};

const collecting = new WeakMap<pg.Pool, Batch>();

function collectBatch(pool: pg.Pool, shape: AccountShape): Batch {
  const ids = new Set<string>();
  const { promise: turnEnded, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  const accounts = turnEnded.then(() => {
    if (collecting.get(pool)?.ids === ids) collecting.delete(pool);
    return readAccounts(pool, shape, [...ids]);
  });
  return { shape, ids, accounts };
}

function readAccounts(
  pool: pg.Pool,
  shape: AccountShape,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RevisedAccount>> {
  return readWithColumns(pool, async (table) => {
    // LATERAL: index lookups per account, whatever the statistics of the tables.
    const text = `select a.* from unnest($1::text[]) i (id) cross join lateral
                    (select ${accountColumns(table, shape).sql}, revision from accounts where id = i.id limit 1) a`;
    const { rows } = await pool.query<RevisedAccount>({ name: statementName(text), text, values: [ids] });
    return { version: rows[0]?.columnsVersion, result: new Map(rows.map((row) => [row.id, row])) };
  });
}

/** Reads what a 304 is decided from, without the values. */
export async function readRevision(pool: pg.Pool, id: string): Promise<AccountRevision | undefined> {
  const { rows } = await pool.query<AccountRevision>({
    name: 'read-account-revision',
    text: 'select revision, changed_at as "changedAt" from accounts where id = $1',
    values: [id],
  });
  return rows[0];
}
