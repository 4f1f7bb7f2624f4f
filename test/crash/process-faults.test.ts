import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { useQuietWorld } from './quiet-world.ts';

describe('the process of the service', { timeout: 120_000 }, () => {
  const skewFile = path.join(mkdtempSync(path.join(tmpdir(), 'tidemark-clock-')), 'skew');
  writeFileSync(skewFile, '0');
  const preload = fileURLToPath(new URL('./skewed-clock.ts', import.meta.url));
  const quiet = useQuietWorld({
    serviceSettings: { NODE_OPTIONS: `--import=${preload}`, TEST_CLOCK_SKEW_FILE: skewFile },
  });
  afterAll(() => rm(path.dirname(skewFile), { recursive: true }));

  it('goes on where it was when it is paused and continued, though its stream ended meanwhile', async () => {
    const { service, sandbox, proxies } = quiet.world;
    const { pid } = service;
    quiet.change(3);
    service.signal('SIGSTOP');
    sandbox.disconnectStreams();
    proxies.database.reset();
    quiet.change(5);
    await expect(service.isReady()).rejects.toThrow();
    service.signal('SIGCONT');
    await quiet.expectHealed();
    expect(service.pid).toBe(pid);
  });

  it('starts again and again, however early it is killed, and leaves no connection behind', async () => {
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
    const [row] = await postgres.rows<{ sessions: string }>(
      `select count(*) as sessions from pg_stat_activity where application_name like 'tidemark%'`,
    );
    expect(Number(row?.sessions)).toBeLessThan(25);
  });

  it('starts by itself once PostgreSQL and Salesforce are back, however often it had to try', async () => {
    const { service, proxies } = quiet.world;
    for (const proxy of [proxies.database, proxies.rest, proxies.stream]) {
      const failed = service.ownEnds.length;
      proxy.refuse();
      service.kill();
      quiet.edit(1);
      await eventually('it has tried', () => service.ownEnds.length > failed);
      proxy.pass();
      await eventually('it is ready', service.isReady, 30_000);
    }
    const reasons = service.ownEnds.map(({ lastWords }) => lastWords);
    expect(reasons.some((reason) => reason.startsWith('DATABASE_URL: '))).toBe(true);
    expect(reasons.some((reason) => reason.startsWith('SALESFORCE_LOGIN_URL: '))).toBe(true);
    expect(reasons.some((reason) => reason.startsWith('PUBSUB_ENDPOINT: '))).toBe(true);
    await quiet.expectHealed();
  });

  it.for([
    ['three hours ahead', 3 * 3_600_000],
    ['two minutes behind', -2 * 60_000],
  ] as const)('keeps no change and no code back when its clock is %s', async ([, skewMs]) => {
    const { service } = quiet.world;
    const { starts } = service;
    await writeFile(skewFile, String(skewMs));
    service.kill();
    await eventually('it is started again', () => service.starts > starts);
    quiet.change(10);
    await quiet.expectHealed();
    quiet.change(10);
    await quiet.expectHealed();
  });
});
