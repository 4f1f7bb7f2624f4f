import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkSession } from '../../src/db/check-session.ts';
import { openDatabase } from '../../src/db/database.ts';
import { freePort } from '../../src/db/embedded-postgres.ts';
import { eventually } from '../helpers/eventually.ts';
import { startTidemark } from '../helpers/tidemark.ts';
import { useDatabase } from '../helpers/use-database.ts';

const looksLikeOne =
  /^DATABASE_URL: this looks like a pooler such as PgBouncer \(.+\); use the address of PostgreSQL itself/;
const isThere = spawnSync('pgbouncer', ['--version']).status === 0;
const reason = isThere ? '' : ' (skipped: pgbouncer is not installed)';

describe('the check of the database session at startup', () => {
  const database = useDatabase();

  it('a session that drops its timeouts is refused and one that keeps them is accepted', async () => {
    const without = openDatabase({ url: `${database.url}?lock_timeout=0` });
    await expect(checkSession(without.pool)).rejects.toThrow('it drops the timeouts of a connection');
    await expect(checkSession(database.pool)).resolves.toBeUndefined();
    await without.close();
  });

  describe.skipIf(!isThere)(`PgBouncer in transaction mode${reason}`, () => {
    const running: (() => Promise<unknown>)[] = [];
    let folder = '';
    beforeAll(async () => {
      folder = await mkdtemp(path.join(tmpdir(), 'tidemark-pgbouncer-'));
      await chmod(folder, 0o755);
    });
    afterAll(async () => {
      for (const stop of running.reverse()) await stop();
      await rm(folder, { recursive: true });
    });

    it.each([
      ['with its default settings', ''],
      [
        'that ignores unknown startup parameters',
        'ignore_startup_parameters = statement_timeout,lock_timeout,idle_in_transaction_session_timeout',
      ],
    ])('PgBouncer %s is refused with a line that names it', async (_, settings) => {
      const bouncer = await startBouncer(folder, database.url, settings);
      running.push(bouncer.stop);
      const simulator = await startSimulator();
      running.push(simulator.close);
      await expect(startTidemark(bouncer.url, simulator)).rejects.toThrow(looksLikeOne);
    });
  });
});

async function startBouncer(folder: string, url: string, settings: string) {
  const { hostname, port, username, password, pathname } = new URL(url);
  const listenPort = await freePort();
  const file = path.join(folder, `${listenPort}.ini`);
  await writeFile(
    file,
    `[databases]
tidemark = host=${hostname} port=${port} dbname=${pathname.slice(1)} user=${username} password=${password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listenPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
${settings}
`,
  );
  // It does not run as root.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];
  const child = spawn('pgbouncer', [...asNobody, file], { stdio: 'ignore' });
  await eventually('PgBouncer listens', () => isOpen(listenPort));
  return { url: `postgres://tidemark:none@127.0.0.1:${listenPort}/tidemark`, stop: () => stop(child) };
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.on('close', () => resolve());
    child.kill('SIGQUIT');
  });
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}
