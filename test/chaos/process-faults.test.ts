import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { useChaosEnv } from './chaos-env.ts';

const canLimit = spawnSync('prlimit', ['--version']).status === 0;

describe('the process of the service', { timeout: 120_000 }, () => {
  const skewFile = path.join(mkdtempSync(path.join(tmpdir(), 'tidemark-clock-')), 'skew');
  writeFileSync(skewFile, '0');
  const preload = fileURLToPath(new URL('./skewed-clock.ts', import.meta.url));
  const quiet = useChaosEnv({
    serviceSettings: { NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_SKEW_FILE: skewFile },
  });
  afterAll(() => rm(path.dirname(skewFile), { recursive: true }));

  it('a paused process continues where it was although its stream ended meanwhile', async () => {
    const { service, simulator, proxies } = quiet.world;
    const { pid } = service;
    quiet.change(3);
    service.signal('SIGSTOP');
    simulator.disconnectStreams();
    proxies.database.reset();
    quiet.change(5);
    await expect(service.isReady()).rejects.toThrow();
    service.signal('SIGCONT');
    await quiet.expectHealed();
    expect(service.pid).toBe(pid);
  });

  it('a process killed at any moment of its start leaves no connection, lock or job behind', async () => {
    const { service, postgres } = quiet.world;
    for (let times = 0; times < 6; times++) {
      const { starts } = service;
      // A little later each time: before it reads a file, while it signs in, while it migrates, …
      await new Promise((resolve) => setTimeout(resolve, times * 150));
      service.kill();
      quiet.edit(1);
      await eventually('it is started again', () => service.starts > starts);
    }
    await quiet.expectHealed();
    const [left] = await postgres.rows<{ sessions: string; locks: string; jobs: string }>(
      `select (select count(*) from pg_stat_activity where application_name like 'tidemark%') as sessions,
              (select count(*) from pg_locks where locktype = 'advisory') as locks,
              (select count(*) from pgboss.job where name in ('re-read', 'resync', 'full-resync')
                                                 and state in ('created', 'retry', 'active')) as jobs`,
    );
    expect(Number(left?.sessions)).toBeLessThan(29);
    // The lock of the leader.
    expect(left).toMatchObject({ locks: '1', jobs: '0' });
  });

  it.skipIf(!canLimit)(
    `the service continues after it has run out of file descriptors${canLimit ? '' : ' (skipped: prlimit is not installed)'}`,
    async () => {
      const { service, postgres, simulator } = quiet.world;
      const { pid } = service;
      const events = async () =>
        (await postgres.rows<{ n: string }>('select count(*) as n from events'))[0]?.n;
      const limit = (files: number | string) =>
        execFileSync('prlimit', ['--pid', String(pid), `--nofile=${files}:`]);
      const before = softLimit(pid);
      expect(await answersNewConnection(service.url)).toBe(true);
      await eventually('no new connection is answered', async () => {
        limit(lowestFree(pid));
        return !(await answersNewConnection(service.url));
      });
      // The connections that it has go on.
      const stored = await events();
      quiet.edit(3);
      await eventually(
        'changes are stored all the same',
        async () => Number(await events()) > Number(stored),
      );
      // What needs a new one waits for it.
      simulator.disconnectStreams();
      quiet.change(3);
      limit(before);
      await quiet.expectHealed();
      expect(service.pid).toBe(pid);
    },
  );

  it('the service starts while PostgreSQL or Salesforce is unavailable and becomes ready when they are back', async () => {
    const { service, proxies } = quiet.world;
    const ends = service.ownEnds.length;
    for (const [proxy, sign] of [
      [proxies.database, 'database unreachable at startup; retrying'],
      [proxies.rest, 'not connected to Salesforce'],
      [proxies.stream, 'not connected to Salesforce'],
    ] as const) {
      const { starts } = service;
      const met = service.output().length;
      proxy.refuse();
      service.kill();
      quiet.edit(1);
      await eventually('it is started again', () => service.starts > starts);
      await eventually(
        'it reports what is unavailable',
        () => service.output().slice(met).includes(sign),
        60_000,
      );
      proxy.pass();
      await eventually('it is ready', service.isReady, 60_000);
    }
    expect(service.ownEnds).toHaveLength(ends);
    await quiet.expectHealed();
  });

  it.for([
    ['three hours ahead', 3 * 3_600_000],
    ['two minutes behind', -2 * 60_000],
  ] as const)('no change and no code is delayed by a clock that is %s', async ([, skewMs]) => {
    const { service } = quiet.world;
    const { starts } = service;
    await writeFile(skewFile, String(skewMs));
    service.kill();
    await eventually('it is started again', () => service.starts > starts);
    quiet.change(10);
    await quiet.expectHealed(isDatedAhead);
    quiet.change(10);
    await quiet.expectHealed(isDatedAhead);
  });
});

/** To a clock that is behind, every event is: its account is read from Salesforce instead. */
const isDatedAhead = (difference: string): boolean =>
  /is skipped: The commit time is \d+ s ahead of the clock of this machine/.test(difference);

/** How many files a process may have open. */
function softLimit(pid: number | undefined): string {
  const [, files = ''] = /^Max open files +(\d+)/m.exec(readFileSync(`/proc/${pid}/limits`, 'utf8')) ?? [];
  return files;
}

/** A new file gets the lowest number that is free, which has to lie below the limit. */
function lowestFree(pid: number | undefined): number {
  const open = new Set(readdirSync(`/proc/${pid}/fd`).map(Number));
  for (let number = 0; ; number++) if (!open.has(number)) return number;
}

function answersNewConnection(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asking = get(`${url}/health/live`, { agent: false, timeout: 1_000 }, (answer) => {
      answer.resume();
      resolve(true);
    });
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(false));
  });
}
