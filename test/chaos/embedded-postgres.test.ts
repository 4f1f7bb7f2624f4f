import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';
import { migrate } from '../../src/db/migrate.ts';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const isRoot = process.getuid?.() === 0;
const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;

describe('the embedded PostgreSQL', () => {
  let prepared = '';
  let home = '';
  let folder = '';

  beforeAll(async () => {
    prepared = await mkdtemp(path.join(fastFolder(), 'tidemark-embedded-'));
    await (await start(path.join(prepared, 'postgres'))).stop();
  });
  beforeEach(async () => {
    home = await mkdtemp(path.join(fastFolder(), 'tidemark-embedded-'));
    folder = path.join(home, 'postgres');
  });
  afterEach(() => rm(home, { recursive: true, force: true }));
  afterAll(() => rm(prepared, { recursive: true, force: true }));

  /** Copies a folder that was initialised once, for tests that are not about a new one. */
  const initialise = (): void => {
    execFileSync('cp', ['-a', path.join(prepared, 'postgres'), folder]);
  };

  const start = (at = folder) =>
    startEmbeddedPostgres({ folder: at, password: 'test', settings: ['fsync=off'] });
  const pidOf = async (at = folder): Promise<number> =>
    Number((await readFile(path.join(at, 'postmaster.pid'), 'utf8')).split('\n')[0]);

  it('the embedded server keeps its data over a restart and leaves no process behind', async () => {
    const first = await start();
    const pid = await pidOf();
    await query(first.url, 'create table kept (id int); insert into kept values (7)');
    await first.stop();
    await eventually('the server is gone', () => !isAlive(pid));
    const second = await start();
    expect(await query(second.url, 'select id from kept')).toEqual([{ id: 7 }]);
    await second.stop();
    await second.stop();
  });

  it('a server that was killed is restarted on the same port with its data, and a stop afterwards ends it', async () => {
    initialise();
    const events: string[] = [];
    const server = await startEmbeddedPostgres({
      folder,
      password: 'test',
      restart: {
        onEnded: () => events.push('ended'),
        onRestarted: () => events.push('restarted'),
      },
    });
    await query(server.url, 'create table kept (id int); insert into kept values (7)');
    const killed = await pidOf();
    process.kill(killed, 'SIGKILL');
    await eventually('the restart', () => events.length === 2);
    expect(events).toEqual(['ended', 'restarted']);
    expect(await query(server.url, 'select id from kept')).toEqual([{ id: 7 }]);
    const restarted = await pidOf();
    expect(restarted).not.toBe(killed);
    await server.stop();
    await eventually('the server is gone', () => !isAlive(restarted));
  });

  it('a commit waits until it is on disk, on the embedded server and in every session of the service', async () => {
    initialise();
    const server = await startEmbeddedPostgres({ folder, password: 'test' });
    try {
      const names = ['fsync', 'full_page_writes', 'synchronous_commit'];
      const sql = `select name, setting from pg_settings where name = any('{${names.join(',')}}') order by name`;
      const on = names.map((name) => ({ name, setting: 'on' }));
      expect(await query(server.url, sql)).toEqual(on);
      const database = openDatabase({ url: server.url });
      try {
        await migrate(database.pool);
        expect((await database.pool.query(sql)).rows).toEqual(on);
        // Neither a migration nor the service changes them for a role, a database or the server.
        expect(await query(server.url, 'select setconfig from pg_db_role_setting')).toEqual([]);
      } finally {
        await database.close();
      }
    } finally {
      await server.stop();
    }
    const sources = ['src', 'prisma'].flatMap((name) =>
      readdirSync(path.join(root, name), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && /\.(ts|sql)$/.test(entry.name))
        .map((entry) => path.join(entry.parentPath, entry.name)),
    );
    expect(sources.length).toBeGreaterThan(100);
    expect(
      sources.filter((file) =>
        /(?:\bset\b|\balter\b|-c\b).*(?:synchronous_commit|fsync|full_page_writes)/i.test(
          readFileSync(file, 'utf8'),
        ),
      ),
    ).toEqual([]);
  });

  it('the embedded server stops while a client is connected', async () => {
    initialise();
    const server = await start();
    const pid = await pidOf();
    const client = new pg.Client({ connectionString: server.url });
    let cut = false;
    client.on('error', () => {
      cut = true;
    });
    await client.connect();
    await server.stop();
    await eventually('the connection is cut', () => cut);
    await eventually('the server is gone', () => !isAlive(pid));
  });

  it('the embedded server listens on this machine only and requires the password', async () => {
    initialise();
    const server = await start();
    try {
      expect(await query(server.url, 'show listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
      await expect(query(server.url.replace(':test@', ':wrong@'), 'select 1')).rejects.toThrow(/password/);
    } finally {
      await server.stop();
    }
  });

  it('a server that a killed process left behind is adopted and stopped', async () => {
    initialise();
    const script = fileURLToPath(new URL('../helpers/leave-postgres-behind.ts', import.meta.url));
    const owner = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [url] = (await once(owner.stdout, 'data')).map(String);
    const pid = await pidOf();
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    expect(isAlive(pid)).toBe(true);
    const taken = await start();
    expect(taken.url).toBe(url?.trim());
    expect(await pidOf()).toBe(pid);
    expect(await query(taken.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await taken.stop();
    await eventually('the server is gone', () => !isAlive(pid));
  });

  it.skipIf(!isRoot || !hasSetpriv)(
    `the embedded server runs in a folder that only root can access${isRoot && hasSetpriv ? '' : ' (skipped: needs root and setpriv)'}`,
    async () => {
      const hidden = path.join(home, 'hidden');
      await mkdir(hidden, { mode: 0o700 });
      const server = await start(path.join(hidden, 'postgres'));
      const pid = await pidOf(path.join(hidden, 'postgres'));
      expect(await query(server.url, 'select current_user as me')).toEqual([{ me: 'postgres' }]);
      await server.stop();
      await eventually('the server is gone', () => !isAlive(pid));
    },
  );

  it('a server that does not start gives the reason in one line', async () => {
    initialise();
    const impossible = { folder, password: 'test', settings: ['no_such_setting=1'] };
    await expect(startEmbeddedPostgres(impossible)).rejects.toThrow(
      /^The embedded PostgreSQL did not start: .*no_such_setting[^\n]*$/,
    );
  });
});

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
