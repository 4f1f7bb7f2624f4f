import { Writable } from 'node:stream';
import { pino } from 'pino';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { OrgOptions } from '../../src/salesforce/org.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';
import { openRestGate, type RestGate, type Rule } from '../helpers/rest-gate.ts';
import { salesforceRest } from '../helpers/salesforce-rest.ts';
import { saveSecrets } from '../helpers/secrets-in-logs.ts';
import {
  type ApiAccount,
  type Page,
  startTidemark,
  type Tidemark,
  type TidemarkOverrides,
} from '../helpers/tidemark.ts';

type Status = {
  readonly subscription: {
    readonly state: string;
    readonly organizationId: string | null;
    readonly lastError: { readonly code: string; readonly message: string } | null;
  };
};

const token: Rule['path'] = /\/services\/oauth2\/token/;

describe('a start while Salesforce or the database is unavailable', () => {
  let gate: RestGate;
  let simulator: Simulator;
  let stream: FaultProxy;
  let database: TestDatabase;
  let tidemark: Tidemark | undefined;

  beforeAll(async () => {
    gate = await openRestGate();
    simulator = await startSimulator({ accounts: 3, publicUrl: gate.url });
    gate.forwardTo(simulator.instanceUrl);
    const [host = '', port = ''] = simulator.pubsubEndpoint.split(':');
    stream = await startFaultProxy(() => ({ host, port: Number(port) }));
    database = await createTestDatabase();
  });
  afterEach(async () => {
    await tidemark?.stop();
    tidemark = undefined;
  });
  afterAll(async () => {
    await stream.close();
    await simulator.close();
    await gate[Symbol.asyncDispose]();
    await database.drop();
  });

  const org = (secret = simulator.credentials.clientSecret): OrgOptions => ({
    loginUrl: gate.url,
    credentials: {
      flow: 'client-credentials',
      clientId: simulator.credentials.clientId,
      clientSecret: secret,
    },
    apiVersion: '66.0',
    pubsubEndpoint: `127.0.0.1:${stream.port}`,
    pubsubTls: false,
  });
  const start = async (overrides: TidemarkOverrides = {}): Promise<Tidemark> => {
    tidemark = await startTidemark(database.url, simulator, {
      org: org(),
      waitUntilReady: false,
      timing: { salesforceStartTimeoutMs: 500 },
      ...overrides,
    });
    return tidemark;
  };
  const subscription = async (from: Tidemark) => (await from.get<Status>('/v1/status')).subscription;
  const isReady = async (from: Tidemark) => (await fetch(`${from.url}/health/ready`)).ok;
  const expectAccounts = async (from: Tidemark) =>
    expect((await from.get<Page<ApiAccount>>('/v1/accounts')).data.length).toBeGreaterThan(2);

  it('a first start with refused credentials ends with what Salesforce said', async () => {
    saveSecrets('not-the-secret-of-this-app');
    await expect(start({ org: org('not-the-secret-of-this-app'), timing: {} })).rejects.toMatchObject({
      code: 'invalid_client',
    });
  });

  it('a first start while Salesforce is unavailable reports why it is not ready, and loads when Salesforce is back', async () => {
    const away = gate.meet({ path: /./, treatment: { kind: 'cut' } });
    const started = await start();
    await eventually('the status says why', async () => {
      const { state, lastError } = await subscription(started);
      return state === 'waiting' && lastError !== null;
    });
    expect(await isReady(started)).toBe(false);
    expect((await subscription(started)).organizationId).toBeNull();
    away.release();
    await eventually('it is ready', () => isReady(started), 30_000);
    expect((await subscription(started)).organizationId).toBe(simulator.organizationId);
    await expectAccounts(started);
    const id = await salesforceRest(simulator).create({ Name: 'Harbour Ltd' });
    await eventually('a new account has its code', async () => {
      const answer = await started.request('GET', `/v1/accounts/${id}`);
      return answer.ok && ((await answer.json()) as ApiAccount).codeState === 'confirmed';
    });
  });

  const page = '<html><body>Down for maintenance</body></html>';
  const outages: [string, Rule][] = [
    ['breaks off', { path: token, treatment: { kind: 'cut' } }],
    ['never answers', { path: token, treatment: { kind: 'hold' } }],
    [
      'answers 503 with a page',
      { path: token, treatment: { kind: 'answer', status: 503, body: page, type: 'text/html' } },
    ],
    [
      'signs in and answers nothing else',
      { path: /userinfo/, treatment: { kind: 'answer', status: 502, body: page, type: 'text/html' } },
    ],
  ];

  it.each(outages)(
    'a restart serves accounts while Salesforce %s, and goes on once it is back',
    async (_, rule) => {
      const standing = gate.meet(rule);
      const started = await start();
      await expectAccounts(started);
      await eventually('it has tried', () => standing.met > 0);
      expect((await subscription(started)).state).not.toBe('streaming');
      standing.release();
      await eventually('it streams', async () => (await subscription(started)).state === 'streaming', 30_000);
    },
  );

  it('a restart serves accounts while the Pub/Sub API is unavailable, and continues when it is back', async () => {
    stream.refuse();
    const started = await start();
    await expectAccounts(started);
    await eventually(
      'the status says why',
      async () => (await subscription(started)).lastError?.code === 'UNAVAILABLE',
    );
    stream.pass();
    await eventually('it streams', async () => (await subscription(started)).state === 'streaming', 30_000);
  });

  it('a restart with refused credentials serves accounts and is shown as stopped with the reason', async () => {
    const started = await start({ org: org('not-the-secret-of-this-app') });
    await expectAccounts(started);
    await eventually('it is stopped', async () => {
      const { state, lastError } = await subscription(started);
      return state === 'stopped' && lastError?.code === 'invalid_client';
    });
    expect(await isReady(started)).toBe(false);
  });

  it('a process that only serves the API needs no Salesforce to start', async () => {
    const standing = gate.meet({ path: /./, treatment: { kind: 'cut' } });
    const started = await start({ roles: new Set(['api']) });
    await expectAccounts(started);
    standing.release();
  });

  it('a start waits for an unavailable database, logs that once, and ends after its time limit', async () => {
    const target = new URL(database.url);
    const server = { host: target.hostname, port: Number(target.port) };
    const away = await startFaultProxy(() => server);
    target.port = String(away.port);
    const lines: string[] = [];
    const logger = pino(
      new Writable({
        write(line: Buffer, _, done) {
          lines.push(line.toString());
          done();
        },
      }),
    );
    const said = (text: string): number => lines.filter((line) => line.includes(text)).length;
    away.refuse();
    const common = { org: org(), logger, waitUntilReady: false };
    try {
      await expect(
        startTidemark(target.href, simulator, { ...common, timing: { databaseStartTimeoutMs: 1 } }),
      ).rejects.toThrow(/^DATABASE_URL: /);
      lines.splice(0);
      const starting = startTidemark(target.href, simulator, common);
      await eventually('it waits', () => said('database unreachable at startup; retrying') === 1);
      away.pass();
      tidemark = await starting;
      expect(said('database unreachable at startup')).toBe(1);
      expect(said('database reachable; startup continues')).toBe(1);
      await expectAccounts(tidemark);
    } finally {
      await tidemark?.stop();
      tidemark = undefined;
      await away.close();
    }
  });
});
