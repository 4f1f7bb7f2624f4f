import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { directEgress, openEgress } from '../../src/egress/egress.ts';
import { createKeySource } from '../../src/http/plugins/signing-keys.ts';
import { openConnectProxy } from '../helpers/forward-proxy.ts';

let server: Server;
let url: string;
let requests = 0;
let respond: (response: ServerResponse) => void;

beforeAll(async () => {
  server = createServer((_, response) => {
    requests++;
    respond(response);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const signal = () => AbortSignal.timeout(60_000);

it('a redirect is returned and not followed', async () => {
  respond = (response) => void response.writeHead(302, { location: `${url}/elsewhere` }).end();
  const before = requests;
  const response = await directEgress.send(url, { signal: signal() });
  expect([response.status, response.headers['location'], requests - before]).toEqual([
    302,
    `${url}/elsewhere`,
    1,
  ]);
});

it('a limit of the size of a response counts what it is after decompression', async () => {
  respond = (response) =>
    void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(Buffer.alloc(1_000_000)));
  await expect(directEgress.send(url, { signal: signal() }, 999_999)).rejects.toMatchObject({
    code: 'ERR_RESPONSE_TOO_LARGE',
  });
  expect((await directEgress.send(url, { signal: signal() }, 1_000_000)).body).toHaveLength(1_000_000);
});

it('a failed connection has the code of the system and names the host', async () => {
  const gone = await openConnectProxy({});
  const host = `127.0.0.1:${gone.port}`;
  await gone[Symbol.asyncDispose]();
  await expect(directEgress.send(`http://${host}`, { signal: signal() })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    message: `request to ${host} failed: connect ECONNREFUSED ${host}`,
  });
  respond = (response) =>
    void response.writeHead(200, { 'content-length': 9 }).write('half', () => response.destroy());
  await expect(directEgress.send(url, { signal: signal() })).rejects.toMatchObject({
    code: 'UND_ERR_SOCKET',
    message: expect.stringContaining(`request to ${new URL(url).host} failed: `),
  });
});

it('nothing is sent without TLS to another machine', async () => {
  await expect(
    directEgress.send('http://acme.my.salesforce.com', { signal: signal() }),
  ).rejects.toMatchObject({
    code: 'ERR_INSECURE_ADDRESS',
  });
});

it('a proxy that refuses is named by its setting, and so is one that is not there', async () => {
  await using proxy = await openConnectProxy({}, 'user:other');
  const target = 'https://acme.my.salesforce.invalid/';
  const through = (credentials: string, port = proxy.port) =>
    openEgress({ proxy: new URL(`http://${credentials}@127.0.0.1:${port}`), proxySetting: 'https_proxy' });
  await expect(through('user:secret').send(target, { signal: signal() })).rejects.toMatchObject({
    code: 'ERR_PROXY_AUTHENTICATION',
    message: 'the proxy of https_proxy refused the connection with status 407',
  });
  await expect(through('user:other').send(target, { signal: signal() })).rejects.toMatchObject({
    code: 'ERR_PROXY_REFUSED',
    message: 'the proxy of https_proxy refused the connection with status 502',
  });
  await expect(through('user:other', 1).send(target, { signal: signal() })).rejects.toMatchObject({
    code: 'ECONNREFUSED',
    message: expect.stringContaining('(through the proxy of https_proxy)'),
  });
  expect(proxy.targets).toEqual(['acme.my.salesforce.invalid:443', 'acme.my.salesforce.invalid:443']);
});

it('keys of tokens and gRPC are read through the same proxy as everything else', async () => {
  await using proxy = await openConnectProxy({});
  const egress = openEgress({
    proxy: new URL(`http://127.0.0.1:${proxy.port}`),
    noProxy: ['direct.invalid'],
  });
  await expect(createKeySource('https://issuer.invalid', {}, egress)()).rejects.toThrow();
  for (const endpoint of ['pubsub.invalid:7443', 'direct.invalid:7443']) {
    const client = egress.grpcClient(endpoint, { tls: true });
    await new Promise((resolve) => client.waitForReady(Date.now() + 300, resolve));
    client.close();
  }
  expect(new Set(proxy.targets)).toEqual(new Set(['issuer.invalid:443', 'pubsub.invalid:7443']));
});
