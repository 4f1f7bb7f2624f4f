import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { grants } from '../../src/http/plugins/authenticate.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const accountId = '001al00000K3N1wAAF';
const uuid = '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01';

const readRoutes = [
  '/v1/accounts',
  `/v1/accounts/${accountId}`,
  `/v1/accounts/${accountId}/events`,
  '/v1/events',
  '/v1/events/1',
  '/v1/resyncs',
  `/v1/resyncs/${uuid}`,
  `/v1/resyncs/${uuid}/differences`,
  '/v1/status',
];

describe('routes that are not public', () => {
  test('a request without a key is refused with a hint how to send one', async () => {
    for (const path of readRoutes) {
      const response = await server.send('get', path, { key: '' });
      expect(response.status, path).toBe(401);
      expect(response.headers['www-authenticate']).toBe('Bearer realm="tidemark"');
      expect(response.body).toMatchObject({ type: '/docs/problems#unauthenticated', status: 401 });
    }
  });

  test.each([
    ['an unknown key', 'Bearer wrong'],
    ['the beginning of a key', `Bearer ${keys.read.slice(0, -1)}`],
    ['a key and more', `Bearer ${keys.read}x`],
    ['another scheme', `Basic ${keys.read}`],
    ['a key without a scheme', keys.read],
    ['a scheme without a key', 'Bearer '],
    ['two keys', `Bearer ${keys.read} ${keys.write}`],
    ['an endless key', `Bearer ${'x'.repeat(4_000)}`],
  ])('a route refuses %s', async (_name, authorization) => {
    const response = await server.send('get', '/v1/status', { key: '', headers: { authorization } });
    expect(response.status).toBe(401);
    expect(response.headers['www-authenticate']).toContain('error="invalid_');
  });

  test('the authentication scheme is not case-sensitive', async () => {
    const headers = { authorization: `bearer ${keys.write}` };
    const response = await server.send('post', `/v1/accounts/${accountId}/resync`, { key: '', headers });
    expect(response.status).toBe(503);
  });

  test('a key without the required scope is refused and the scope is named', async () => {
    const response = await server.send('post', `/v1/accounts/${accountId}/resync`, { key: keys.read });
    expect(response.status).toBe(403);
    expect(response.headers['www-authenticate']).toContain('scope="write"');
    expect(response.body).toMatchObject({
      type: '/docs/problems#forbidden',
      detail: 'The key "reader" lacks the scope "write", which this operation requires.',
    });
  });

  test.each(readRoutes)('GET %s accepts every key with a scope and no other', async (path) => {
    for (const key of [keys.read, keys.write, keys.admin]) {
      // No database listens, so what got past the door ends as 503.
      expect((await server.send('get', path, { key })).status, key).toBe(503);
    }
    expect((await server.send('get', path, { key: keys.none })).status).toBe(403);
  });

  test.each([
    [keys.none, 403],
    [keys.read, 403],
    [keys.write, 503],
    [keys.admin, 503],
  ])('POST and DELETE of resyncs with %s answer %i', async (key, status) => {
    const body = { scope: 'all' };
    expect((await server.send('post', '/v1/resyncs', { key, body })).status).toBe(status);
    expect((await server.send('delete', `/v1/resyncs/${uuid}`, { key })).status).toBe(status);
    expect((await server.send('post', `/v1/accounts/${accountId}/resync`, { key })).status).toBe(status);
  });
});

describe('documented operations', () => {
  test('every operation requires a key unless it is documented as public', async () => {
    const publicPaths: string[] = [];
    for (const [template, methods] of Object.entries(server.description.paths)) {
      const path = template.replace('{id}', template.includes('accounts') ? accountId : uuid);
      for (const [method, operation] of Object.entries(methods)) {
        if (method !== 'get' && method !== 'post' && method !== 'delete')
          throw new Error(`No test knows how to ${method}`);
        const { status } = await server.send(method, path, { key: '' });
        // Their senders are known in other ways; a server that knows none shows none.
        if (path.startsWith('/webhooks/')) expect(status, `${method} ${path}`).toBe(404);
        else if (operation.security === undefined) expect(status, `${method} ${path}`).toBe(401);
        else publicPaths.push(path);
        if (operation.security !== undefined) expect(status, `${method} ${path}`).not.toBe(401);
      }
    }
    expect(publicPaths.sort()).toEqual(['/', '/health/live', '/health/ready', '/metrics', '/openapi.json']);
  });

  test('every operation is a route and every route outside the documentation pages and the console is documented', async () => {
    // The tree of routes prints `/assets/*`, the files of the console, as `/*`.
    const others = (url: string): boolean => url !== '/docs' && url !== '/*' && !url.startsWith('/docs/');
    const routes = server.routes().filter(others);
    // A secret in a path stays out of what everybody can read.
    const shown = routes.filter((url) => !url.endsWith('/:secret'));
    const templates = shown.map((url) => url.replaceAll(/:(\w+)/g, '{$1}'));
    expect(templates.sort()).toEqual(Object.keys(server.description.paths).sort());
  });
});

test('a route without a scope aborts the startup', async () => {
  const { app, close } = await startServer({ listen: false });
  expect(() => app.get('/v1/forgotten', async () => 'open')).toThrow('Route /v1/forgotten has no scope');
  await close();
});

test.each([
  [['read'], 'read', true],
  [['read'], 'write', false],
  [['write'], 'read', true],
  [['write'], 'admin', false],
  [['admin'], 'read', true],
  [['admin'], 'write', true],
  [['read', 'write'], 'write', true],
  [[], 'read', false],
] as const)('the scopes %j grant %s: %s', (scopes, wanted, granted) => {
  expect(grants(scopes, wanted)).toBe(granted);
});
