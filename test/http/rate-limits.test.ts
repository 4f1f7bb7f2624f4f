import { afterEach, describe, expect, test } from 'vitest';
import { keys, startServer, type TestServer } from './start-server.ts';

let server: TestServer;
afterEach(() => server.close());

const limits = { perKey: 3, perAddress: 4, perWebhookAddress: 2 };
const start = async (access: object = {}): Promise<void> => {
  server = await startServer({ overrides: { access: { rateLimits: limits, ...access } } });
};
/** What is answered to the same request again and again; 503 is past the door, where no database listens. */
const statuses = async (times: number, path: string, key: string, headers = {}): Promise<number[]> => {
  const found: number[] = [];
  for (let n = 0; n < times; n++) found.push((await server.send('get', path, { key, headers })).status);
  return found;
};

describe('rate limits per key', () => {
  test('a key has a number of requests per minute and gets what is left and when to retry', async () => {
    await start();
    for (const left of [2, 1, 0]) {
      const { headers } = await server.send('get', '/v1/accounts');
      expect(headers['ratelimit-policy']).toBe('"key";q=3;w=60');
      expect(headers['ratelimit']).toMatch(new RegExp(`^"key";r=${left};t=\\d{1,2}$`));
    }
    const response = await server.send('get', '/v1/accounts');
    expect(response.status).toBe(429);
    expect(response.type).toBe('application/problem+json');
    expect(response.body).toMatchObject({
      title: 'Too many requests',
      detail: expect.stringMatching(/^The limit of 3 requests per minute is reached; it resets in \d+ s\.$/),
      requestId: response.headers['x-request-id'],
    });
    expect(response.headers['ratelimit']).toMatch(/^"key";r=0;t=\d+$/);
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect(Number(response.headers['retry-after'])).toBeLessThanOrEqual(60);
  });

  test("a key and callers without a key do not affect each other's limit", async () => {
    await start();
    expect(await statuses(4, '/v1/accounts', keys.read)).toEqual([503, 503, 503, 429]);
    expect(await statuses(6, '/v1/accounts', 'wrong')).toEqual([401, 401, 401, 401, 429, 429]);
    // From the same address.
    expect(await statuses(4, '/v1/accounts', keys.write)).toEqual([503, 503, 503, 429]);
  });

  test('a request without the required scope counts against the limit', async () => {
    await start();
    expect(await statuses(4, '/v1/accounts', keys.none)).toEqual([403, 403, 403, 429]);
  });
});

describe('rate limits per address', () => {
  test('public, unknown and refused requests of an address are counted together', async () => {
    await start();
    const sent = [
      ['/', ''],
      ['/nothing', ''],
      ['/v1/accounts', ''],
      ['/v1/status', 'wrong'],
      ['/metrics', ''],
    ] as const;
    const answers: number[] = [];
    for (const [path, key] of sent) answers.push(...(await statuses(1, path, key)));
    expect(answers).toEqual([200, 404, 401, 401, 429]);
    const last = await server.send('get', '/nothing', { key: '' });
    expect(last.headers['ratelimit-policy']).toBe('"address";q=4;w=60');
  });

  test('documentation and OPTIONS are limited', async () => {
    await start();
    expect(await statuses(5, '/docs/static/index.css', '')).toEqual([200, 200, 200, 200, 429]);
    expect((await server.send('options', '/v1/accounts', { key: '' })).status).toBe(429);
  });

  test('health checks are not limited', async () => {
    await start();
    await statuses(5, '/nothing', '');
    expect(await statuses(6, '/health/live', '')).toEqual(Array(6).fill(200));
    const { headers } = await server.send('get', '/health/live', { key: '' });
    expect(headers['ratelimit']).toBeUndefined();
  });

  test('the address is that of the connection whatever a header says', async () => {
    await start();
    const found: number[] = [];
    for (let n = 0; n < 5; n++) {
      found.push(...(await statuses(1, '/nothing', '', { 'x-forwarded-for': `192.0.2.${n}` })));
    }
    expect(found).toEqual([404, 404, 404, 404, 429]);
  });

  test('the address is the one that a trusted proxy reports', async () => {
    await start({ trustedProxies: ['127.0.0.0/8'] });
    const by = (client: string) => ({ 'x-forwarded-for': client });
    expect(await statuses(5, '/nothing', '', by('192.0.2.1'))).toEqual([404, 404, 404, 404, 429]);
    expect(await statuses(1, '/nothing', '', by('192.0.2.2'))).toEqual([404]);
    // What stands before the address that the proxy added came from the client.
    expect(await statuses(1, '/nothing', '', by('192.0.2.9, 192.0.2.1'))).toEqual([429]);
  });
});

test('a webhook has its own limit by address', async () => {
  server = await startServer({ listen: false, overrides: { access: { rateLimits: limits } } });
  const { app } = server;
  app.get('/docs/stand-in', { config: { limit: 'webhook' } }, async () => 'ok');
  const send = async () => (await app.inject({ url: '/docs/stand-in' })).statusCode;
  expect([await send(), await send(), await send()]).toEqual([200, 200, 429]);
});

test('a limit of 0 means no limit and the memory for callers is bounded', async () => {
  const none = { perKey: 0, perAddress: 0, perWebhookAddress: 0 };
  server = await startServer({ overrides: { access: { rateLimits: none } } });
  const { headers } = await server.send('get', '/nothing', { key: '' });
  expect(headers['ratelimit']).toBeUndefined();
  await server.close();
  await start({ trustedProxies: ['127.0.0.1'] });
  const from = (n: number) =>
    server.app.inject({ url: '/nothing', headers: { 'x-forwarded-for': `10.0.${n >> 8}.${n & 255}` } });
  for (let n = 0; n < 5; n++) await from(0);
  expect((await from(0)).statusCode).toBe(429);
  // One more than there is room for: the first is forgotten.
  for (let n = 1; n <= 5_001; n++) await from(n);
  expect((await from(0)).statusCode).toBe(404);
});
