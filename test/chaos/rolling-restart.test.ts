import { expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { startRoundRobin } from '../helpers/round-robin.ts';
import type { Page } from '../helpers/tidemark.ts';
import { useChaosEnv } from './chaos-env.ts';
import { crashSecret } from './crash-world.ts';
import { followLive } from './live-follower.ts';
import { startSteadyLoad } from './steady-load.ts';

const quiet = useChaosEnv({ serviceSettings: { DRAIN_MS: '2000', LOG_LEVEL: 'info' } });

it('processes that are restarted one after another fail no request and lose or repeat no event', {
  timeout: 180_000,
}, async () => {
  const { world } = quiet;
  const other = await world.startAnother('second');
  await eventually('both are ready', other.isReady, 60_000);
  const services = [world.service, other];
  const balancer = await startRoundRobin(services.map(({ url }) => url));
  const [id] = [...world.simulator.org.records()].map((record) => record.id);
  const asks = [
    { path: '/v1/accounts?limit=5' },
    { path: `/v1/accounts/${id}` },
    { path: '/v1/events?limit=5' },
    { path: `/v1/accounts/${id}/signup-code`, method: 'POST' },
    { path: '/v1/status' },
  ];
  await eventually('the balancer has found both', () => services.every(({ url }) => balancer.hasFound(url)));
  const before = new Set(await appliedEvents(world.service.url));
  const readers = [await followLive(balancer.url), await followLive(balancer.url)];
  const load = startSteadyLoad(balancer.url, crashSecret, asks, 4);
  for (const service of services) {
    const { starts } = service;
    quiet.edit(5);
    expect(service.restart()).toBe(true);
    await eventually('it is restarted', async () => service.starts > starts && service.isReady(), 60_000);
    // Like a rollout: it continues when the load balancer knows the new process.
    await eventually('the balancer has found it', () => balancer.hasFound(service.url));
    quiet.edit(5);
  }
  await load.stop();
  await quiet.expectHealed();
  const applied = (await appliedEvents(world.service.url)).filter((one) => !before.has(one));
  for (const reader of readers) {
    await eventually('the live stream has sent everything', () => reader.changes.length >= applied.length);
    await reader.stop();
    expect([...reader.changes].sort()).toEqual([...applied].sort());
    expect(reader.positions).toEqual(reader.positions.toSorted((a, b) => Number(a - b)));
    expect(reader.streams).toBeGreaterThan(1);
  }
  await balancer.close();
  expect(balancer.turnedAway).toBe(0);
  expect(load.failures).toEqual([]);
  expect(load.answers).toBeGreaterThan(100);
  expect(services.map(({ askedEnds }) => askedEnds.map(({ end }) => end))).toEqual([[0], [0]]);
});

async function appliedEvents(url: string): Promise<string[]> {
  const ids: string[] = [];
  for (let path: string | null = '/v1/events?state=applied&limit=200'; path !== null; ) {
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${crashSecret}` } });
    const page = (await answer.json()) as Page<{ id: string }>;
    ids.push(...page.data.map(({ id }) => id));
    path =
      page.nextCursor === null
        ? null
        : `/v1/events?state=applied&limit=200&cursor=${encodeURIComponent(page.nextCursor)}`;
  }
  return ids;
}
