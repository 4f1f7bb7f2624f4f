import { readFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';
import { eventually } from '../helpers/eventually.ts';
import { copyPostgres, databasePassword } from '../helpers/prepared-postgres.ts';

/** A PostgreSQL of the test's own that can be restarted in each shutdown mode. */
export type PostgresServer = {
  /** Where it listens now; another port after a restart. */
  readonly target: { readonly host: string; readonly port: number };
  readonly password: string;
  /** `fast` cuts the sessions and writes a checkpoint; `immediate` is a crash: the next start recovers from the log. */
  restart(mode: 'fast' | 'immediate'): Promise<void>;
  /** Rows of a statement, by connections past every proxy; never read-only. */
  rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
};

export async function startPostgresServer(
  folder: string,
  settings: readonly string[] = [],
): Promise<PostgresServer> {
  const options = { folder, password: databasePassword, settings };
  copyPostgres(folder);
  let server: EmbeddedPostgres = await startEmbeddedPostgres(options);
  let pool = openPool(server.url);
  return {
    get target() {
      return { host: '127.0.0.1', port: Number(new URL(server.url).port) };
    },
    password: options.password,
    async restart(mode) {
      if (mode === 'fast') await server.stop();
      else await crash(folder);
      await pool.end();
      server = await startEmbeddedPostgres(options);
      pool = openPool(server.url);
    },
    async rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]) {
      return (await pool.query<Row>(sql, values)).rows;
    },
    async stop() {
      await pool.end();
      await server.stop();
    },
  };
}

/** Tests look again and again: a connection for each look would take more of the machine than what they wait for. */
function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    options: '-c default_transaction_read_only=off',
    max: 2,
    idleTimeoutMillis: 0,
  });
  // A connection that the server cuts is replaced by the next statement.
  pool.on('error', () => {});
  return pool;
}

/** `pg_ctl -m immediate stop`: no checkpoint. A server that is gone already has crashed. */
export async function crash(folder: string): Promise<void> {
  const pidFile = path.join(folder, 'postmaster.pid');
  const pid = Number((await readFile(pidFile, 'utf8').catch(() => '')).split('\n')[0]);
  if (pid === 0) return;
  if (signal(pid, 'SIGQUIT')) await eventually('the crashed server is gone', () => !signal(pid, 0));
}

/** Whether there was still such a process to signal: one that was there a moment ago may be gone. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    return false;
  }
}
