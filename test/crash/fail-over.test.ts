import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { eventually } from '../helpers/eventually.ts';
import { type StandbyServer, startStandby } from '../helpers/standby-server.ts';
import { checkMirror } from './check-mirror.ts';
import type { ComparableWorld } from './crash-world.ts';
import { crash, type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { randomChanges } from './random-changes.ts';
import { seededRandom } from './seeded-random.ts';
import { type SupervisedService, superviseService } from './service-supervisor.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

const secret = 'tdm_test_key_of_the_fail_over';

describe('a fail-over to a synchronous standby', { timeout: 120_000 }, () => {
  let folder: string;
  let first: PostgresServer;
  let second: StandbyServer;
  let sandbox: Sandbox;
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
    sandbox = await startSandbox({ accounts: 30, keepaliveIntervalMs: 1_000 });
    service = superviseService(await freePort(), {
      DATABASE_URL: url.replace('/tidemark', `,127.0.0.1:${second.port}/tidemark`),
      SALESFORCE_LOGIN_URL: sandbox.instanceUrl,
      SALESFORCE_CLIENT_ID: sandbox.credentials.clientId,
      SALESFORCE_CLIENT_SECRET: sandbox.credentials.clientSecret,
      PUBSUB_ENDPOINT: sandbox.pubsubEndpoint,
      PUBSUB_TLS: 'false',
      API_KEYS: `fail-over:read+write:${secret}`,
    });
    await eventually('the service is ready', service.isReady, 60_000);
  }, 120_000);
  afterAll(async () => {
    await service?.stop();
    await sandbox?.close();
    await second?.stop();
    await first?.stop();
    await rm(folder, { recursive: true, force: true });
  }, 30_000);

  it('under way of changes loses nothing, and the same process goes on', async () => {
    const changes = randomChanges(sandbox, seededRandom(1, 'changes'), 3);
    const changing = setInterval(() => changes.change(), 20);
    const stored = async (server: Pick<PostgresServer, 'rows'>): Promise<number> =>
      (await server.rows<{ count: number }>('select count(*)::int as count from events'))[0]?.count ?? 0;
    try {
      await eventually('changes are being stored', async () => (await stored(first)) > 100);
      const { pid } = service;
      await crash(path.join(folder, 'first'));
      const kept = await stored(second);
      await second.promote();
      await eventually('changes are stored again', async () => (await stored(second)) > kept + 50, 60_000);
      clearInterval(changing);
      const world: ComparableWorld = { sandbox, service, postgres: second, get };
      await waitUntilQuiet(world, 60_000);
      const check = await checkMirror(world, changes.created);
      expect(check.differences).toEqual([]);
      expect(check.events).toBeGreaterThan(kept + 50);
      expect(service.pid).toBe(pid);
    } finally {
      clearInterval(changing);
    }
  });

  async function get<T>(resource: string): Promise<T> {
    const answer = await fetch(`${service.url}${resource}`, {
      headers: { authorization: `Bearer ${secret}` },
    });
    if (!answer.ok) throw new Error(`GET ${resource}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  }
});

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port')),
      );
    });
  });
}
