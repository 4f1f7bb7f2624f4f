import { randomUUID } from 'node:crypto';
import { startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingValues } from '../../src/config/setting-values.ts';
import { saveMinute } from '../../src/operations/minute-statistics.ts';
import { createRequestLog, type RequestLog } from '../../src/operations/request-log.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { outboundPath, pathSecret, sendersFor } from '../helpers/webhooks.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const database = useDatabase();
let server: TestServer;
let requestLog: RequestLog;

beforeAll(async () => {
  requestLog = createRequestLog(database.pool, (error) => {
    throw error;
  });
  server = await startServer({
    databaseUrl: database.url,
    overrides: {
      webhooks: sendersFor('00Dal00000AbCdEEAV'),
      requestLog,
      settings: settingValues({
        CDC_TOPIC: '/data/ChangeEvents',
        DATABASE_URL: 'postgres://tidemark:test-only-password@127.0.0.1/tidemark',
        API_KEYS: 'ops:admin:test-only-secret',
        HTTPS_PROXY: 'http://user:test-only-password@proxy.example.com:3128',
      }),
    },
  });
});
afterAll(() => server.close());

const list = async (path: string, key = keys.admin): Promise<Record<string, unknown>[]> =>
  (await server.send('get', path, { key })).body.data;

describe('what the service shows of itself', () => {
  it.each([
    ['read', ['read'], 'reader'],
    ['write', ['read', 'write'], 'writer'],
    ['admin', ['read', 'write', 'admin'], 'operator'],
  ] as const)(
    'a caller with the scope %s sees its name and the scopes that it has',
    async (key, scopes, name) => {
      expect((await server.send('get', '/v1/me', { key: keys[key] })).body).toEqual({
        name,
        kind: 'key',
        scopes,
      });
    },
  );

  it('the settings of a process are listed with masked secrets, to an admin only', async () => {
    expect((await server.send('get', '/v1/settings', { key: keys.write })).status).toBe(403);
    const settings = await list('/v1/settings');
    const named = new Map(settings.map((setting) => [setting['name'], setting]));
    expect(named.get('CDC_TOPIC')).toEqual({
      name: 'CDC_TOPIC',
      group: 'Change events',
      value: '/data/ChangeEvents',
      source: 'environment',
      secret: false,
      description: expect.stringContaining('Topic to follow'),
    });
    expect(named.get('PORT')).toMatchObject({ value: '3000', source: 'default', group: 'API and access' });
    expect(named.get('DATABASE_URL')).toMatchObject({ value: '********', secret: true });
    expect(named.get('WEBHOOK_SECRETS')).toMatchObject({ value: null, secret: true });
    expect(JSON.stringify(settings)).not.toContain('test-only');
  });

  it('every setting that may hold a secret is masked', () => {
    const plain = settingValues({})
      .filter(({ name, secret }) => /SECRET|KEY|TOKEN|PASSWORD|_URLS?$|_PROXY$/.test(name) && !secret)
      .map(({ name }) => name);
    expect(plain).toEqual([
      'SALESFORCE_LOGIN_URL',
      'SALESFORCE_PRIVATE_KEY_FILE',
      'SALESFORCE_INSTANCE_URL',
      'NO_PROXY',
      'RATE_LIMIT_WITHOUT_KEY_PER_MINUTE',
    ]);
  });

  it('an API key is listed with the time of its last use, without its secret', async () => {
    await server.send('get', '/v1/me', { key: keys.write });
    await requestLog.close();
    const listed = await list('/v1/api-keys');
    expect(listed.map(({ name }) => name)).toEqual(['reader', 'writer', 'operator', 'nobody']);
    const lastUse = (name: string) => listed.find((key) => key['name'] === name)?.['lastUsedAt'];
    expect(Date.parse(String(lastUse('writer')))).toBeGreaterThan(Date.now() - 60_000);
    expect(lastUse('nobody')).toBeNull();
    expect(JSON.stringify(listed)).not.toContain(keys.write);
  });

  it('requests that change something are listed by key, with their outcome, and reads are not', async () => {
    const made = await server.send('post', '/v1/resyncs', { key: keys.write, body: { scope: 'all' } });
    await server.send('post', '/v1/resyncs', { key: keys.read, body: { scope: 'all' } });
    await requestLog.close();
    const [refused, accepted] = await list('/v1/actions', keys.read);
    expect(accepted).toMatchObject({
      caller: 'writer',
      method: 'POST',
      path: '/v1/resyncs',
      status: made.status,
      requestId: made.headers['x-request-id'],
    });
    expect(refused).toMatchObject({ caller: 'reader', path: '/v1/resyncs', status: 403 });
    expect((await list('/v1/actions')).every(({ method }) => method !== 'GET')).toBe(true);
  });

  it('webhook requests are listed with the reason of a rejection, without the secret of a path', async () => {
    await server.send('post', '/webhooks/change-events', {
      key: '',
      headers: { 'webhook-id': 'msg_1' },
      body: {},
    });
    await server.send('post', outboundPath, {
      key: '',
      headers: { 'content-type': 'text/xml' },
      body: '<not-an-envelope/>',
    });
    await requestLog.close();
    const [outbound, event] = await list('/v1/webhook-requests');
    expect(event).toMatchObject({
      endpoint: 'change-events',
      status: 401,
      problem: 'The signature is missing, expired or invalid.',
      webhookId: 'msg_1',
      received: null,
      address: '127.0.0.1',
    });
    expect(outbound).toMatchObject({ endpoint: 'outbound-messages', status: 400 });
    expect(JSON.stringify(outbound)).not.toContain(pathSecret);
  });

  it('the minutes of the last day are listed, and the status shows the share of fresh ones', async () => {
    const minute = (ago: number) => new Date(Math.floor(Date.now() / 60_000) * 60_000 - ago * 60_000);
    const counts = { events: 7, failedEvents: 1, codes: 2, failedCodes: 0, connectionErrors: 3 };
    const lags = [0, 900, 4_000, 70_000];
    for (const [ago, maxLagMs] of lags.entries())
      await saveMinute(database.pool, { minute: minute(ago + 1), ...counts, maxLagMs });
    await saveMinute(database.pool, { minute: minute(2_000), ...counts, maxLagMs: 0 });
    // Another leader of the same minute.
    await saveMinute(database.pool, { minute: minute(1), ...counts, maxLagMs: 5 });
    const series = await list('/v1/time-series', keys.read);
    expect(series).toHaveLength(4);
    expect(series.at(-1)).toEqual({
      minute: minute(1).toISOString(),
      events: 14,
      failedEvents: 2,
      codes: 4,
      failedCodes: 0,
      connectionErrors: 6,
      maxLagMilliseconds: 5,
    });
    const { body } = await server.send('get', '/v1/status');
    expect(body.freshness).toEqual({ minutes: 4, under1s: 0.5, under5s: 0.75, under60s: 0.75 });
  });

  it('processes, maintenance tasks and notifications are listed', async () => {
    const id = randomUUID();
    await database.rows(
      `insert into instances (id, name, host, pid, roles, version) values ($1, 'one', 'host-1', 7, '{api,sync}', '0.1.0')`,
      [id],
    );
    await database.rows(
      `insert into subscriptions (topic, holder) values ('/data/AccountChangeEvent', '{"name": "one", "host": "host-1", "pid": 7}')
       on conflict (topic) do update set holder = excluded.holder`,
    );
    expect(await list('/v1/instances', keys.read)).toEqual([
      {
        id,
        name: 'one',
        host: 'host-1',
        pid: 7,
        roles: ['api', 'sync'],
        version: '0.1.0',
        startedAt: expect.any(String),
        seenAt: expect.any(String),
        isLeader: true,
      },
    ]);
    await database.rows(`insert into housekeeping (task, error) values ('incidents', 'disk full')`);
    expect(await list('/v1/maintenance', keys.read)).toEqual([
      { task: 'incidents', startedAt: expect.any(String), finishedAt: null, rows: 0, error: 'disk full' },
    ]);
    await database.rows(
      `insert into notifications (subject, url, summary, body) values ('incident:1', 'https://hooks.example.com/T0/secret', 'An incident.', '{}')`,
    );
    expect(await list('/v1/notifications', keys.read)).toEqual([
      expect.objectContaining({
        subject: 'incident:1',
        url: 'https://hooks.example.com',
        state: 'pending',
        attempts: 0,
      }),
    ]);
  });

  it('the control API of a simulator that the process has started is forwarded for an admin', async () => {
    const simulator = await startSimulator({ accounts: 3 });
    const other = await startServer({ overrides: { simulatorUrl: simulator.instanceUrl } });
    expect((await other.send('get', '/', { key: '' })).body.links.simulator).toBe('simulator');
    const made = await other.send('post', '/simulator/accounts', {
      key: keys.admin,
      body: { count: 2, seed: 7 },
    });
    expect(made.status).toBeLessThan(300);
    expect([...simulator.org.records()]).toHaveLength(5);
    expect((await other.send('get', '/simulator/faults', { key: keys.write })).status).toBe(403);
    expect((await other.send('get', '/simulator/faults', { key: keys.admin })).body).not.toEqual({});
    const unknown = await other.send('post', '/simulator/faults/no.such', { key: keys.admin, body: {} });
    expect(unknown.status).toBe(404);
    await simulator.close();
    expect((await other.send('get', '/simulator/faults', { key: keys.admin })).status).toBe(503);
    await other.close();
    expect((await server.send('get', '/', { key: '' })).body.links).not.toHaveProperty('simulator');
    expect((await server.send('get', '/simulator/faults', { key: keys.admin })).status).toBe(404);
  });
});
