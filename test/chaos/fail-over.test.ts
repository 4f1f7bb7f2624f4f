import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../src/db/embedded-postgres.ts';
import { eventually } from '../helpers/eventually.ts';
import { type StandbyServer, startStandby } from '../helpers/standby-server.ts';
import { checkMirror, type MirrorCheck } from './check-mirror.ts';
import type { ComparableWorld } from './crash-world.ts';
import { crash, type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { type RandomChanges, randomChanges } from './random-changes.ts';
import { seededRandom } from './seeded-random.ts';
import { type SupervisedService, superviseService } from './service-supervisor.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

const secret = 'tdm_test_key_of_the_fail_over';

describe('fail-over to a standby', { timeout: 120_000 }, () => {
  let folder: string;
  let first: PostgresServer;
  let second: StandbyServer;
  let third: StandbyServer | undefined;
  let thirdPort: number;
  let changes: RandomChanges;
  let simulator: Simulator;
  let service: SupervisedService;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'tidemark-fail-over-'));
    const primaryFolder = path.join(folder, 'first');
    first = await startPostgresServer(primaryFolder);
    const url = `postgres://postgres:${first.password}@127.0.0.1:${first.target.port}/tidemark`;
    second = await startStandby({ url, folder: primaryFolder }, path.join(folder, 'second'), 'second');
    await first.rows(`alter system set synchronous_standby_names = 'second'`);
    await first.rows('select pg_reload_conf()');
    await eventually('a commit waits for the standby', async () => {
      const [row] = await first.rows<{ sync_state: string }>('select sync_state from pg_stat_replication');
      return row?.sync_state === 'sync';
    });
    thirdPort = await freePort();
    simulator = await startSimulator({ accounts: 30, keepaliveIntervalMs: 1_000 });
    service = superviseService(await freePort(), {
      DATABASE_URL: url.replace('/tidemark', `,127.0.0.1:${second.port},127.0.0.1:${thirdPort}/tidemark`),
      SALESFORCE_LOGIN_URL: simulator.instanceUrl,
      SALESFORCE_CLIENT_ID: simulator.credentials.clientId,
      SALESFORCE_CLIENT_SECRET: simulator.credentials.clientSecret,
      PUBSUB_ENDPOINT: simulator.pubsubEndpoint,
      PUBSUB_TLS: 'false',
      API_KEYS: `fail-over:read+write:${secret}`,
    });
    await eventually('the service is ready', service.isReady, 60_000);
  }, 120_000);
  afterAll(async () => {
    await service?.stop();
    await simulator?.close();
    await third?.stop();
    await second?.stop();
    await first?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  it('a fail-over to a synchronous standby loses no change and the same process continues', async () => {
    const { pid } = service;
    const kept = await whileChanging(async () => {
      await eventually('changes are being stored', async () => (await stored(first)) > 100);
      await crash(path.join(folder, 'first'));
      const count = await stored(second);
      await second.promote();
      await eventually('changes are stored again', async () => (await stored(second)) > count + 50, 60_000);
      return count;
    });
    const check = await compared(second);
    expect(check.differences).toEqual([]);
    expect(check.events).toBeGreaterThan(kept + 50);
    expect(service.pid).toBe(pid);
  });

  it('a standby that missed changes and codes gets them again from the bus and no second code is generated', async () => {
    const { pid } = service;
    const primary = { url: second.url, folder: path.join(folder, 'second') };
    third = await startStandby(primary, path.join(folder, 'third'), 'third', thirdPort);
    await third.detach();
    const [missed] = await whileChanging(async () => {
      const before = await confirmed(second);
      changes.create(5);
      await eventually('codes have reached Salesforce', async () => (await confirmed(second)) >= before + 5);
      return [(await stored(second)) - (third === undefined ? 0 : await stored(third))];
    });
    expect(missed).toBeGreaterThan(10);
    await crash(primary.folder);
    await third.promote();
    expect((await compared(third)).differences).toEqual([]);
    expect(service.pid).toBe(pid);
  });

  async function whileChanging<T>(act: () => Promise<T>): Promise<T> {
    changes ??= randomChanges(simulator, seededRandom(1, 'changes'), 3);
    const changing = setInterval(() => changes.change(), 20);
    return act().finally(() => clearInterval(changing));
  }

  async function compared(postgres: StandbyServer): Promise<MirrorCheck> {
    const world: ComparableWorld = { simulator, service, postgres, get };
    await waitUntilQuiet(world, 60_000);
    return checkMirror(world, changes.created);
  }

  const count = async ({ rows }: Pick<PostgresServer, 'rows'>, what: string): Promise<number> =>
    (await rows<{ count: number }>(`select count(*)::int as count from ${what}`))[0]?.count ?? 0;
  const stored = (server: Pick<PostgresServer, 'rows'>) => count(server, 'events');
  const confirmed = (server: Pick<PostgresServer, 'rows'>) =>
    count(server, `accounts where code_state = 'confirmed'`);

  async function get<T>(resource: string): Promise<T> {
    const answer = await fetch(`${service.url}${resource}`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    if (!answer.ok) throw new Error(`GET ${resource}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
});
