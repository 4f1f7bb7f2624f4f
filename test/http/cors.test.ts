import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServer, type TestServer } from './start-server.ts';

const origin = 'https://app.example.com';
const preflight = {
  'access-control-request-method': 'POST',
  'access-control-request-headers': 'authorization',
};

describe('pages of other origins', () => {
  test('no other origin is allowed unless it is named', async () => {
    const server = await startServer();
    const headers = { origin, ...preflight };
    for (const method of ['get', 'options'] as const) {
      const response = await server.send(method, '/v1/accounts', { headers });
      expect(Object.keys(response.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    }
    await server.close();
  });
});

describe('pages of a named origin', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ overrides: { access: { corsOrigins: [origin, 'http://localhost:8080'] } } });
  });
  afterAll(() => server.close());

  test('a page may send requests with its key after a preflight without one', async () => {
    const { status, headers } = await server.send('options', '/v1/resyncs', {
      key: '',
      headers: { origin, ...preflight },
    });
    expect(status).toBe(204);
    expect(headers['access-control-allow-origin']).toBe(origin);
    expect(headers['access-control-allow-methods']).toBe('GET, HEAD, POST, DELETE');
    expect(headers['access-control-allow-headers']).toContain('Authorization, Content-Type, Idempotency-Key');
    expect(headers['access-control-allow-credentials']).toBeUndefined();
    expect(headers['vary']).toContain('Origin');
  });

  test('a page can read the response headers that clients need, of errors too', async () => {
    for (const path of ['/v1/accounts', '/nothing', '/health/live']) {
      const { headers } = await server.send('get', path, { headers: { origin } });
      expect(headers['access-control-allow-origin'], path).toBe(origin);
      for (const name of ['ETag', 'Location', 'RateLimit', 'Retry-After', 'X-Request-Id']) {
        expect(headers['access-control-expose-headers'], path).toContain(name);
      }
    }
  });

  test.each([
    'https://app.example.com.evil.example',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://sub.app.example.com',
    'null',
  ])('the origin %s is not a named one', async (other) => {
    const { headers } = await server.send('get', '/v1/accounts', { headers: { origin: other } });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('an OPTIONS request that is not a preflight is unchanged', async () => {
    const known = await server.send('options', '/v1/resyncs', { key: '' });
    expect([known.status, known.headers['allow']]).toEqual([204, 'GET, HEAD, OPTIONS, POST']);
    expect((await server.send('options', '/v1/nothing', { key: '' })).status).toBe(404);
  });

  test('a page of a named origin needs a key', async () => {
    expect((await server.send('get', '/v1/accounts', { key: '', headers: { origin } })).status).toBe(401);
    expect((await server.send('get', '/v1/nothing', { key: '', headers: { origin } })).status).toBe(404);
  });
});
