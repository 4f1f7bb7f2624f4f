import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isDeeperThan } from '../../src/http/plugins/limit-bodies.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const resync = '/v1/accounts/001al00000K3N1wAAF/resync';

describe('unknown URLs', () => {
  test.each([
    '/nothing',
    '/v1',
    '/v1/status/',
    '/V1/accounts',
    '/v1/accounts/a/b/c',
    '/docsx',
    '/docs/nothing',
  ])('the URL %s is not found with and without a key', async (path) => {
    const response = await server.send('get', path, { key: '' });
    expect(response.status).toBe(404);
    expect(response.type).toBe('application/problem+json');
    expect(response.body).toMatchObject({ type: '/docs/problems#not-found', status: 404 });
  });

  test('an unknown URL is not found whatever is sent there', async () => {
    for (const body of ['{', JSON.stringify({ padding: 'x'.repeat(300_000) })]) {
      const headers = { 'content-type': 'application/json' };
      expect((await server.send('post', '/nothing', { headers, body })).status).toBe(404);
    }
  });

  test('a URL that resembles a known one is not found', async () => {
    expect((await server.send('post', '/openapi-json')).status).toBe(404);
    expect((await server.send('post', '/openapi.json')).status).toBe(405);
  });
});

describe('wrong methods', () => {
  test.each([
    ['delete', '/v1/accounts', 'GET, HEAD, OPTIONS'],
    ['post', '/v1/status', 'GET, HEAD, OPTIONS'],
    ['put', '/v1/accounts/001al00000K3N1wAAF', 'GET, HEAD, OPTIONS'],
    ['get', resync, 'OPTIONS, POST'],
    ['patch', '/', 'GET, HEAD, OPTIONS'],
  ] as const)(
    'the method %s of %s is refused and the allowed ones are listed',
    async (method, path, allow) => {
      const response = await server.send(method, path);
      expect(response.status).toBe(405);
      expect(response.headers['allow']).toBe(allow);
      expect(response.body).toMatchObject({ type: '/docs/problems#method-not-allowed' });
    },
  );

  test('the method TRACE is refused', async () => {
    const answer = await raw(`TRACE /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
  });
});

describe('request bodies', () => {
  test('a body of another media type is refused', async () => {
    for (const type of ['text/plain', 'application/xml', 'application/x-www-form-urlencoded']) {
      const response = await server.send('post', resync, {
        key: keys.write,
        headers: { 'content-type': type },
        body: 'a=1',
      });
      expect(response.status, type).toBe(415);
      expect(response.body).toMatchObject({ type: '/docs/problems#unsupported-media-type' });
    }
  });

  test('a compressed body is refused', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
    const response = await server.send('post', resync, { key: keys.write, headers, body: '{}' });
    expect(response.status).toBe(415);
  });

  test('a body beyond 256 KiB is refused', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ padding: 'x'.repeat(256 * 1024) });
    const response = await server.send('post', resync, { key: keys.write, headers, body });
    expect(response.status).toBe(413);
    expect(response.body).toMatchObject({
      type: '/docs/problems#payload-too-large',
      detail: expect.stringContaining('256 KiB'),
    });
  });

  test.each([
    ['broken JSON', '{'],
    ['nothing', ''],
    ['an array', '[]'],
    ['a text', '"x"'],
    ['a prototype', '{"__proto__":{"admin":true}}'],
    ['a constructor', '{"constructor":{"prototype":{"admin":true}}}'],
  ])('a body of %s is not valid', async (_name, body) => {
    const headers = { 'content-type': 'application/json' };
    const response = await server.send('post', resync, { key: keys.write, headers, body });
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ type: '/docs/problems#invalid-request' });
  });

  test('a body with an unknown field is refused and the field is named', async () => {
    const response = await server.send('post', resync, { key: keys.write, body: { force: true, why: 1 } });
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({
      errors: [
        { field: 'force', message: 'is not a known field' },
        { field: 'why', message: 'is not a known field' },
      ],
    });
  });

  test('a body may be left out or empty', async () => {
    // No database listens, so what got past the door ends as 503.
    expect((await server.send('post', resync, { key: keys.write })).status).toBe(503);
    expect((await server.send('post', resync, { key: keys.write, body: {} })).status).toBe(503);
  });
});

describe('unexpected failures', () => {
  test('an unexpected failure reveals nothing but the request id', async () => {
    const broken = await startServer({ failure: new Error('secret detail: password=hunter2') });
    const response = await broken.send('post', resync, { key: keys.write });
    await broken.close();
    expect(response.status).toBe(500);
    expect(response.body).toEqual({
      type: '/docs/problems#internal-error',
      title: 'Internal error',
      status: 500,
      detail: 'See the log of the service for this request id.',
      requestId: response.headers['x-request-id'],
    });
  });

  test('a failure of the database answers 503 with the time to retry', async () => {
    const response = await server.send('get', '/v1/accounts');
    expect(response.status).toBe(503);
    expect(response.headers['retry-after']).toBe('5');
    expect(response.body).toMatchObject({ type: '/docs/problems#unavailable' });
  });
});

describe('malformed requests', () => {
  test('a badly encoded URL is not valid', async () => {
    const answer = await raw('GET /v1/accounts/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain('application/problem+json');
    expect(answer).toContain('The URL is not encoded correctly.');
  });

  test('an endless id is refused', async () => {
    const response = await server.send('get', `/v1/accounts/${'a'.repeat(500)}`);
    expect(response.status).toBe(400);
    expect(response.body).toMatchObject({ errors: [{ field: 'id' }] });
  });

  test.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    [
      'a length and chunks at once',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['too many headers', `GET / HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])(
    'a malformed request (%s) is answered as a problem and ends the connection',
    async (_name, bytes, status) => {
      const answer = await raw(bytes);
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(answer).toContain('Content-Type: application/problem+json');
    },
  );
});

describe('response headers', () => {
  test('a response carries the request id that was sent if it is valid', async () => {
    const headers = { 'x-request-id': 'import-2026.11:23_a' };
    const response = await server.send('get', '/health/live', { headers });
    expect(response.headers['x-request-id']).toBe('import-2026.11:23_a');
    const problem = await server.send('get', '/nothing', { headers });
    expect(problem.body).toMatchObject({ requestId: 'import-2026.11:23_a' });
  });

  test('a response carries a new request id otherwise', async () => {
    for (const sent of ['a b', 'x'.repeat(129), '<script>']) {
      const response = await server.send('get', '/health/live', { headers: { 'x-request-id': sent } });
      expect(response.headers['x-request-id']).toMatch(/^[\w-]{21}$/);
    }
  });

  test('a response is not cached and loads nothing in a browser', async () => {
    for (const path of ['/v1/status', '/health/live', '/nothing', '/']) {
      const { headers } = await server.send('get', path);
      expect(headers['cache-control'], path).toBe('no-store');
      expect(headers['content-security-policy'], path).toContain("default-src 'none'");
      expect(headers, path).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'SAMEORIGIN',
        'referrer-policy': 'no-referrer',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['x-powered-by'] ?? headers['server'], path).toBeUndefined();
    }
  });
});

describe('types of problems', () => {
  test('the type of every problem links to a paragraph that explains it', async () => {
    const types = server.description.components.schemas['Problem']?.['properties'] as {
      type: { enum: string[] };
    };
    expect(types.type.enum.length).toBeGreaterThan(15);
    const page = await server.send('get', '/docs/problems', { key: '' });
    expect([page.status, page.type]).toEqual([200, 'text/html']);
    for (const type of types.type.enum) {
      const { pathname, hash } = new URL(type, server.url);
      expect(pathname).toBe('/docs/problems');
      expect(page.text, type).toContain(`<section id="${hash.slice(1)}">`);
    }
    const style = /<style>([\s\S]*)<\/style>/.exec(page.text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(page.headers['content-security-policy']).toContain(`style-src 'sha256-${hash}'`);
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
  });
});

describe('nested bodies', () => {
  test('a body with thousands of levels is refused at no cost', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const body of [
      '['.repeat(100_000) + ']'.repeat(100_000),
      `${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}`,
      `{"scope":${'['.repeat(33)}${']'.repeat(33)}}`,
    ]) {
      const response = await server.send('post', '/v1/resyncs', { key: keys.write, headers, body });
      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({
        detail: 'The body must not be nested more than 32 levels deep.',
      });
    }
  });

  test('a body with 32 levels is validated by its schema', () => {
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    expect([isDeeperThan(32, nested(32)), isDeeperThan(32, nested(33))]).toEqual([false, true]);
    expect([isDeeperThan(1, 'text'), isDeeperThan(1, null), isDeeperThan(1, {})]).toEqual([
      false,
      false,
      false,
    ]);
  });
});

test('every request has a time limit to arrive', () => {
  expect(server.app.server.requestTimeout).toBe(30_000);
  expect(server.app.server.headersTimeout).toBe(15_000);
  // Nor an answer to be taken.
  expect(server.app.server.timeout).toBe(120_000);
});

function raw(bytes: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port: Number(new URL(server.url).port) });
  socket.write(bytes);
  return text(socket);
}
