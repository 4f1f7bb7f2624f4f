import type pg from 'pg';
import type { Prisma } from '../../db/generated/client.ts';

const rowsPerBatch = 200;

/**
 * Reads all rows of a statement batch by batch, as they were at one moment, however long that takes: by a cursor of the
 * database, so that neither side ever holds more than a batch. Whoever stops reading gives the connection back.
 *
 * @param gone breaks off a statement that is under way
 */
export async function* readSnapshot<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  { text, values }: Prisma.Sql,
  gone: AbortSignal,
): AsyncGenerator<Row[], void, undefined> {
  const client = await pool.connect();
  // A connection that was left in the middle is closed, and the snapshot with it.
  let broken: Error | undefined = new Error('left in the middle of a snapshot');
  const cancel = await cancelWith(client, pool, gone).catch((error: Error) => {
    client.release(error);
    throw error;
  });
  try {
    await client.query(begin);
    await client.query({ text: `declare snapshot no scroll cursor for ${text}`, values });
    for (;;) {
      const { rows } = await client.query<Row>(`fetch ${rowsPerBatch} from snapshot`);
      if (rows.length > 0) yield rows;
      if (rows.length < rowsPerBatch) break;
    }
    await client.query('commit');
    broken = undefined;
  } finally {
    gone.removeEventListener('abort', cancel);
    client.release(broken);
  }
}

// Plans that begin to answer at once: to sort everything first would take room for everything.
// A reader may pause for longer than between two statements elsewhere; who watches it ends it before.
const begin = `begin isolation level repeatable read read only;
  set local cursor_tuple_fraction = 0.01; set local idle_in_transaction_session_timeout = '2min'`;

/** The connection is busy, so another one asks that its statement be broken off. */
async function cancelWith(client: pg.PoolClient, pool: pg.Pool, gone: AbortSignal): Promise<() => void> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const cancel = (): void => {
    pool.query('select pg_cancel_backend($1)', [rows[0]?.pid]).catch(() => {});
  };
  gone.addEventListener('abort', cancel, { once: true });
  return cancel;
}
