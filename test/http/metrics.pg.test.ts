import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { audience, startIssuer } from '../helpers/oidc-issuer.ts';
import { accountId, insertAccount, insertEvent, uuid } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const metrics = async (from = server): Promise<string> =>
  (await from.send('get', '/metrics', { key: '' })).text;

describe('the metrics', () => {
  test('the metrics count requests by the name of their key and measure them by route, never by path', async () => {
    for (let n = 1; n <= 3; n++) await server.send('get', `/v1/accounts/${accountId(n)}`);
    await server.send('get', '/v1/resyncs', { key: keys.write });
    await server.send('get', '/v1/status', { key: 'wrong' });
    await server.send('get', '/nothing/1', { key: '' });
    await server.send('get', '/nothing/2', { key: '' });
    const text = await eventually('all answers are counted', async () => {
      const found = await metrics();
      return found.includes('route="unknown",status="404"} 2') && found;
    });
    expect(text).toContain('tidemark_http_requests_total{key="reader",status="404"} 3');
    expect(text).toContain('tidemark_http_requests_total{key="writer",status="200"} 1');
    expect(text).toContain('tidemark_http_requests_total{key="",status="401"} 1');
    expect(text).toContain(
      'tidemark_http_request_duration_seconds_count{method="GET",route="/v1/accounts/:id",status="404"} 3',
    );
    expect(text).not.toMatch(new RegExp(`${accountId(1)}|test-only|wrong|/nothing`));
  });

  test('the metrics show the state of the mirror and of the process', async () => {
    const { prisma } = server.database;
    await prisma.subscription.create({
      data: { topic: '/data/AccountChangeEvent', organizationId: '00Dal0000000001EAA', state: 'streaming' },
    });
    await insertAccount(prisma, accountId(1), { name: 'Acme', codeState: 'pending', signupCode: 'CODE-1' });
    await insertEvent(prisma, {
      eventId: uuid(1),
      state: 'stored',
      receivedAt: new Date(Date.now() - 60_000),
    });
    // A reading is kept for a few seconds.
    const text = await eventually('a new reading is answered', async () => {
      const found = await metrics();
      return found.includes('tidemark_backlog_events 1') && found;
    });
    expect(text).toContain('tidemark_database_up 1');
    expect(text).toContain('tidemark_subscription_state{state="streaming"} 1');
    expect(text).toContain('tidemark_subscription_state{state="stopped"} 0');
    expect(text).toContain('tidemark_account_codes{state="pending"} 1');
    expect(text).toContain('tidemark_accounts{state="active"} 1');
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
    expect(text).toMatch(/^process_resident_memory_bytes /m);
  });

  test('the metrics are answered without a database and say so', async () => {
    const alone = await startServer();
    const text = await metrics(alone);
    expect(text).toContain('tidemark_database_up 0');
    expect(text).not.toContain('tidemark_backlog_events');
    await alone.close();
  });

  test('the metrics need a key if they are not public', async () => {
    const hidden = await startServer({ overrides: { access: { publicMetrics: false } } });
    expect((await hidden.send('get', '/metrics', { key: '' })).status).toBe(401);
    expect((await hidden.send('get', '/metrics', { key: keys.none })).status).toBe(403);
    expect((await hidden.send('get', '/metrics', { key: keys.read })).status).toBe(200);
    await hidden.close();
  });

  test('the metrics count all tokens as one and count rate-limited requests', async () => {
    const issuer = await startIssuer();
    const access = {
      oidc: { issuer: issuer.url, audience, scopePrefix: 'tidemark:' },
      rateLimits: { perKey: 1, perAddress: 0, perWebhookAddress: 0 },
    };
    const limited = await startServer({ overrides: { access } });
    for (const sub of ['a', 'b', 'b']) {
      await limited.send('get', '/v1/accounts', { key: await issuer.token({ sub }) });
    }
    const text = await metrics(limited);
    expect(text).toContain('tidemark_http_requests_total{key="oidc",status="503"} 2');
    expect(text).toContain('tidemark_http_rate_limited_requests_total{limit="key"} 1');
    await limited.close();
    await issuer.close();
  });
});
