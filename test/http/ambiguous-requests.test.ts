import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keys, startServer, type TestServer } from './start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

type Answer = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: string };

/** Sends headers as they are: an entry with several values is sent as several headers. */
function send(
  path: string,
  headers: Record<string, string | string[]> = {},
  method = 'GET',
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const { port } = new URL(server.url);
  request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
    let body = '';
    response.setEncoding('latin1').on('data', (piece: string) => {
      body += piece;
    });
    response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
  })
    .on('error', reject)
    .end();
  return promise;
}
const authorized = { authorization: `Bearer ${keys.read}` };

describe('requests that would have to be guessed', () => {
  test('any number of unknown parameters are all named', async () => {
    const names = Array.from({ length: 40 }, (_, n) => `unknown${n}`);
    const { status, body } = await send(
      `/v1/accounts?${names.map((name) => `${name}=1`).join('&')}`,
      authorized,
    );
    expect(status).toBe(400);
    const { errors, detail } = JSON.parse(body) as { errors: { field: string }[]; detail: string };
    expect(errors.map(({ field }) => field)).toEqual(names);
    expect(detail).toContain('unknown0 is not a known parameter');
  });

  test.each(['/v1/accounts?q=%ff', '/v1/accounts?q=%e4', '/v1/accounts?q=100%', '/v1/accounts?%ff=1'])(
    'the query of %s is not encoded correctly',
    async (path) => {
      const { status, body } = await send(path, authorized);
      expect([status, JSON.parse(body)]).toMatchObject([
        400,
        { detail: 'The URL is not encoded correctly.' },
      ]);
    },
  );

  test.each([
    ['Authorization', [`Bearer ${keys.read}`, 'Bearer other'], 'GET'],
    ['Idempotency-Key', ['first', 'second'], 'POST'],
    ['Last-Event-ID', ['1', '2'], 'GET'],
  ] as const)('the header %s is accepted only once', async (name, values, method) => {
    const { status, body } = await send(
      '/v1/resyncs',
      { ...(name === 'Authorization' ? {} : authorized), [name]: [...values] },
      method,
    );
    expect([status, JSON.parse(body)]).toMatchObject([400, { detail: `Send the header ${name} only once.` }]);
  });
});

test('an export over HTTP/1.0 is refused, because a response that was cut off would look complete', async () => {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
  });
  socket.write(
    `GET /v1/accounts HTTP/1.0\r\nAccept: application/x-ndjson\r\nAuthorization: Bearer ${keys.read}\r\n\r\n`,
  );
  await new Promise((resolve) => socket.on('close', resolve));
  expect(text).toMatch(/^HTTP\/1\.1 426 Upgrade Required\r\n/);
  expect(text).toMatch(/\r\nupgrade: HTTP\/1\.1\r\n/i);
  expect(text).toContain('Exports need HTTP/1.1; this request came over HTTP/1.0.');
});

describe('files of the documentation', () => {
  const file = '/docs/static/index.css';

  test.each([
    ['/docs/static/..', {}, 404],
    ['/docs/static/%2e%2e/package.json', {}, 404],
    [file, { range: 'bytes=99999999-' }, 416],
    [file, { 'if-match': '"another"' }, 412],
    [file, { 'if-unmodified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }, 412],
    [file, { 'if-unmodified-since': 'no date' }, 200],
    [file, { range: 'bytes=0-9' }, 206],
  ])('%s with %o is answered with %i', async (path, headers, status) => {
    const answer = await send(path, headers);
    expect(answer.status).toBe(status);
    if (status >= 400) expect(JSON.parse(answer.body)).toMatchObject({ status });
  });

  test.each(['/docs/static/swagger-ui-bundle.js', '/openapi.json', '/docs/json'])(
    '%s is compressed once and sent in the encoding that is accepted',
    async (path) => {
      const plain = await send(path);
      expect(plain.headers).toMatchObject({ vary: expect.stringContaining('accept-encoding') });
      expect(plain.headers['content-encoding']).toBeUndefined();
      for (const encoding of ['br', 'gzip']) {
        const first = await fetch(`${server.url}${path}`, { headers: { 'accept-encoding': encoding } });
        const second = await fetch(`${server.url}${path}`, { headers: { 'accept-encoding': encoding } });
        for (const answer of [first, second]) {
          expect(answer.headers.get('content-encoding')).toBe(encoding);
          expect(Number(answer.headers.get('content-length'))).toBeLessThan(plain.body.length / 2);
          expect(Buffer.from(await answer.arrayBuffer()).toString('latin1') === plain.body).toBe(true);
        }
      }
      const refused = await send(path, { 'accept-encoding': 'br;q=0, gzip;q=0' });
      expect(refused.headers['content-encoding']).toBeUndefined();
    },
  );
});
