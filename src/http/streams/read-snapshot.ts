// Hot statements: hand-written.
import type pg from 'pg';
import type { Prisma } from '../../db/generated/client.ts';

const rowsPerBatch = 200;

/**
 * Reads all rows of a statement in one snapshot, in batches from a database cursor: neither side buffers more than one
 * batch. The connection is released when the consumer stops reading.
 *
 * @param signal cancels a running statement
 */
export async function* readSnapshot<Row extends pg.QueryResultRow>(
  pool: pg.Pool,
  { text, values }: Prisma.Sql,
  signal: AbortSignal,
): AsyncGenerator<Row[], void, undefined> {
  const client = await pool.connect();
  // Releasing with an error closes the connection, and with it the snapshot.
  let failure: Error | undefined = new Error('snapshot not read to its end');
  const cancel = await cancelOnAbort(client, pool, signal).catch((error: Error) => {
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
    failure = undefined;
  } finally {
    signal.removeEventListener('abort', cancel);
    client.release(failure);
  }
}

// cursor_tuple_fraction: prefer plans that return the first rows early; a sort would buffer all rows.
// idle_in_transaction_session_timeout: a slow client may pause longer than other transactions; its export has a timeout.
const begin = `begin isolation level repeatable read read only;
  set local cursor_tuple_fraction = 0.01; set local idle_in_transaction_session_timeout = '2min'`;

/** The connection is busy, so another one cancels its statement. */
async function cancelOnAbort(client: pg.PoolClient, pool: pg.Pool, signal: AbortSignal): Promise<() => void> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const cancel = (): void => {
    pool.query('select pg_cancel_backend($1)', [rows[0]?.pid]).catch(() => {});
  };
  signal.addEventListener('abort', cancel, { once: true });
  return cancel;
}
