import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDatabase } from '../../src/db/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded-postgres.ts';
import { serversOf } from '../../src/db/servers.ts';
import { listenForWakeUps, sendWakeUp } from '../../src/db/wake-up.ts';
import { eventually } from '../helpers/eventually.ts';
import { fastFolder } from '../helpers/fast-folder.ts';
import { type StandbyServer, startStandby } from '../helpers/standby-server.ts';

describe('connection strings', () => {
  it('a connection string with several hosts is split into one per host', () => {
    expect(serversOf('postgres://me:p%40ss@one,two:5433/db?sslmode=require')).toEqual([
      'postgres://me:p%40ss@one/db?sslmode=require',
      'postgres://me:p%40ss@two:5433/db?sslmode=require',
    ]);
    expect(serversOf('postgresql://one:1,[::1]:2/db')).toEqual([
      'postgresql://one:1/db',
      'postgresql://[::1]:2/db',
    ]);
  });

  it('a connection string with one host is unchanged', () => {
    expect(serversOf('postgres://me:a,b@one/db')).toEqual(['postgres://me:a,b@one/db']);
  });
});

describe('a primary with a standby', { timeout: 60_000 }, () => {
  let folder: string;
  let primary: EmbeddedPostgres;
  let standby: StandbyServer;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(fastFolder(), 'tidemark-servers-'));
    const options = { folder: path.join(folder, 'primary'), password: 'test', settings: ['fsync=off'] };
    primary = await startEmbeddedPostgres(options);
    standby = await startStandby(
      { url: primary.url, folder: options.folder },
      path.join(folder, 'standby'),
      'second',
    );
  }, 60_000);
  afterAll(async () => {
    await standby?.stop();
    await primary?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('the primary is found at any place in the list and is followed when it moves', async () => {
    const hostOf = (url: string) => new URL(url).host;
    const both = primary.url.replace(hostOf(primary.url), `${hostOf(standby.url)},${hostOf(primary.url)}`);
    const { pool, close } = openDatabase({ url: both, max: 2 });
    const port = async () =>
      (await pool.query<{ port: number }>('select inet_server_port() as port')).rows[0]?.port;
    expect(await port()).toBe(Number(new URL(primary.url).port));
    const lost: Error[] = [];
    const wakeUps = listenForWakeUps(both, (error) => lost.push(error));
    await eventually('a session listens', async () => {
      const { rowCount } = await pool.query(`select from pg_stat_activity where query = 'listen tidemark'`);
      return rowCount === 1;
    });

    const alone = openDatabase({ url: standby.url });
    await expect(alone.pool.query('select 1')).rejects.toMatchObject({ code: '25006' });
    await alone.close();
    const reader = openDatabase({ url: standby.url, standby: true });
    expect((await reader.pool.query('select 1')).rowCount).toBe(1);
    await reader.close();

    await standby.caughtUp();
    process.kill(primary.pid, 'SIGQUIT');
    await standby.promote();
    expect(await eventually('a connection to the new primary', port)).toBe(standby.port);
    await eventually('wake-ups arrive again', async () => {
      const woken = wakeUps.next('apply', 60_000).then(() => true);
      await sendWakeUp(pool, 'apply');
      return Promise.race([woken, new Promise<false>((resolve) => setTimeout(resolve, 100, false))]);
    });
    expect(lost.length).toBeGreaterThan(0);
    await wakeUps.close();
    await close();
  });
});
