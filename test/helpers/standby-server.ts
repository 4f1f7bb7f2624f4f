import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import { freePort } from '../../src/db/embedded-postgres.ts';
import { platformBinaries, runnerFor, serverIdentity } from '../../src/db/postgres-programs.ts';
import { eventually } from './eventually.ts';
import { rowsOf } from './rows-of.ts';

/** A standby that follows another server by streaming replication. */
export type StandbyServer = {
  readonly port: number;
  /** Of its database `tidemark`. */
  readonly url: string;
  rows<Row extends pg.QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>;
  /** Until it has replayed what the primary had written when this was called. */
  caughtUp(): Promise<void>;
  /** From now on it hears nothing more of the primary. */
  detach(): Promise<void>;
  /** Makes it the primary, on a timeline of its own. */
  promote(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Copies a running server by a base backup, which needs no program beyond the server itself, and starts the copy as its
 * standby.
 *
 * @param primary connection string of a superuser
 * @param name of the standby, as the primary sees it
 */
export async function startStandby(
  primary: { readonly url: string; readonly folder: string },
  folder: string,
  name: string,
  chosenPort?: number,
): Promise<StandbyServer> {
  await backUp(primary, folder, name);
  const port = chosenPort ?? (await freePort());
  const server = await startServer(folder, port);
  const url = new URL(primary.url);
  url.port = String(port);
  const rows = <Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []) =>
    rowsOf<Row>(url.href, sql, values);
  await eventually('the standby follows', async () => {
    const [row] = await rowsOf<{ state: string }>(
      primary.url,
      'select state from pg_stat_replication where application_name = $1',
      [name],
    );
    return row?.state === 'streaming' && (await rows('select 1'));
  });
  return {
    port,
    url: url.href,
    rows,
    async caughtUp() {
      // Not the place of the next insertion: behind a change of segment that is more than anybody has to replay.
      const [written] = await rowsOf<{ lsn: string }>(
        primary.url,
        'select pg_current_wal_flush_lsn() as lsn',
      );
      await eventually('the standby has caught up', async () => {
        const [row] = await rows<{ done: boolean }>('select pg_last_wal_replay_lsn() >= $1::pg_lsn as done', [
          written?.lsn,
        ]);
        return row?.done;
      });
    },
    async detach() {
      await rows(`alter system set primary_conninfo = ''`);
      await rows('select pg_reload_conf()');
      await eventually(
        'it receives nothing',
        async () => (await rows('select from pg_stat_wal_receiver')).length === 0,
      );
    },
    async promote() {
      await rows('select pg_promote()');
    },
    async stop() {
      if (server.exitCode !== null) return;
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGINT');
      await ended;
    },
  };
}

/** The files of a running server, as `pg_basebackup` would take them; what was written meanwhile is in the log. */
async function backUp(
  primary: { readonly url: string; readonly folder: string },
  folder: string,
  name: string,
): Promise<void> {
  const client = new pg.Client({ connectionString: primary.url });
  await client.connect();
  try {
    await client.query('select pg_create_physical_replication_slot($1, true)', [name]);
    await client.query(`select pg_backup_start('standby', true)`);
    execFileSync('cp', ['-a', primary.folder, folder]);
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop(wait_for_archive => false)',
    );
    const { hostname, port, username, password } = new URL(primary.url);
    await rm(path.join(folder, 'postmaster.pid'));
    for (const file of await readdir(path.join(folder, 'pg_wal')))
      await rm(path.join(folder, 'pg_wal', file), { recursive: true });
    await rm(path.join(folder, 'pg_replslot', name), { recursive: true, force: true });
    await writeFile(path.join(folder, 'backup_label'), rows[0]?.labelfile ?? '');
    await writeFile(path.join(folder, 'standby.signal'), '');
    await writeFile(
      path.join(folder, 'postgresql.auto.conf'),
      `primary_conninfo = 'host=${hostname} port=${port} user=${username} password=${password} application_name=${name}'
       primary_slot_name = '${name}'
       recovery_target_timeline = 'latest'
      `,
    );
    const identity = serverIdentity();
    if (identity !== undefined) execFileSync('chown', ['-R', `${identity.uid}:${identity.gid}`, folder]);
  } finally {
    await client.end();
  }
}

async function startServer(folder: string, port: number): Promise<ChildProcess> {
  const { postgres } = await platformBinaries();
  const run = runnerFor(serverIdentity(), [folder, path.dirname(postgres)]);
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  const server = run(postgres, ['-D', folder, ...settings.flatMap((setting) => ['-c', setting])]);
  server.stderr?.resume();
  return server;
}
