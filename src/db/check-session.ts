import type { Queryable } from './database.ts';

/**
 * A pooler in between, such as PgBouncer, drops the limits that a connection is opened with, and in transaction mode
 * everything else that belongs to a session: prepared statements, LISTEN, locks.
 * @throws where the connection is not what was asked for, or the database cannot hold every text
 */
export async function checkSession(client: Queryable): Promise<void> {
  const { rows } = await client
    .query<{ limits: string[]; encoding: string }>(
      `select array[current_setting('statement_timeout'), current_setting('lock_timeout'),
                    current_setting('idle_in_transaction_session_timeout')] as limits,
              current_setting('server_encoding') as encoding`,
    )
    .catch((error: Error) => {
      // PgBouncer's words, where it is not told to drop them.
      if (error.message.startsWith('unsupported startup parameter')) throw pooler(error.message);
      throw error;
    });
  const [session] = rows;
  if (session === undefined || session.limits.includes('0'))
    throw pooler('the limits of a connection are dropped');
  if (session.encoding !== 'UTF8')
    throw new Error(
      `the database has the encoding ${session.encoding}, which cannot hold every text of Salesforce; create one with: create database <name> encoding 'UTF8' template template0`,
    );
}

function pooler(sign: string): Error {
  return new Error(
    `this looks like a pooler such as PgBouncer (${sign}); give the address of PostgreSQL itself, Tidemark pools its own connections`,
  );
}
