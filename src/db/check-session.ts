import type { Queryable } from './database.ts';

/**
 * Detects a pooler such as PgBouncer. It drops the timeouts of a connection, and in transaction mode all session state:
 * prepared statements, LISTEN, locks.
 * @throws if the session lacks its timeouts, or the database is not encoded in UTF-8
 */
export async function checkSession(client: Queryable): Promise<void> {
  const { rows } = await client
    .query<{ limits: string[]; encoding: string }>(
      `select array[current_setting('statement_timeout'), current_setting('lock_timeout'),
                    current_setting('idle_in_transaction_session_timeout')] as limits,
              current_setting('server_encoding') as encoding`,
    )
    .catch((error: Error) => {
      // The error of PgBouncer, unless it is configured to ignore these parameters.
      if (error.message.startsWith('unsupported startup parameter')) throw poolerError(error.message);
      throw error;
    });
  const [session] = rows;
  if (session === undefined || session.limits.includes('0'))
    throw poolerError('it drops the timeouts of a connection');
  if (session.encoding !== 'UTF8')
    throw new Error(
      `the database has the encoding ${session.encoding}, which cannot store every text of Salesforce; create one with: create database <name> encoding 'UTF8' template template0`,
    );
}

function poolerError(reason: string): Error {
  return new Error(
    `this looks like a pooler such as PgBouncer (${reason}); use the address of PostgreSQL itself, because Tidemark pools its own connections`,
  );
}
