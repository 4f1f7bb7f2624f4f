import type { Queryable } from './database.ts';

/**
 * A pooler in between, such as PgBouncer, drops the limits that a connection is opened with, and in transaction mode
 * everything else that belongs to a session: prepared statements, LISTEN, locks.
 * @throws where the connection is not what was asked for
 */
export async function checkSession(client: Queryable): Promise<void> {
  const { rows } = await client
    .query<{ limits: string[] }>(
      `select array[current_setting('statement_timeout'), current_setting('lock_timeout'),
                    current_setting('idle_in_transaction_session_timeout')] as limits`,
    )
    .catch((error: Error) => {
      // PgBouncer's words, where it is not told to drop them.
      if (error.message.startsWith('unsupported startup parameter')) throw pooler(error.message);
      throw error;
    });
  if (rows[0]?.limits.includes('0') ?? true) throw pooler('the limits of a connection are dropped');
}

function pooler(sign: string): Error {
  return new Error(
    `this looks like a pooler such as PgBouncer (${sign}); give the address of PostgreSQL itself, Tidemark pools its own connections`,
  );
}
