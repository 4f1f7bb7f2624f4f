import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { relativeReference } from '../../src/http/plugins/relative-location.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { hasNginx, type Nginx, startNginx } from '../helpers/nginx.ts';
import { insertSampleAccounts } from '../http/sample-accounts.ts';
import { keys, startServer, type TestServer } from '../http/start-server.ts';
import { hasConsole, launchBrowser, signIn } from './console-browser.ts';

test.each([
  ['/v1/resyncs', '/v1/resyncs/1'],
  ['/v1/accounts/1/resync?wait=true', '/v1/resyncs/1'],
  ['/v1/resyncs/1/confirm', '/v1/resyncs/1'],
  ['/docs/static/index.html', '/docs/'],
  ['/', '/docs'],
  ['/v1/', '/v1/'],
])('the reference from %s leads to %s with and without a prefix', (from, to) => {
  const reference = relativeReference(from, to);
  expect(reference).not.toMatch(/^\//);
  for (const prefix of ['', '/tidemark', '/a/b']) {
    expect(new URL(reference, `http://host${prefix}${from}`).pathname).toBe(`${prefix}${to}`);
  }
});

describe.skipIf(!hasNginx)('behind nginx with a path prefix', () => {
  let database: TestDatabase;
  let server: TestServer;
  let nginx: Nginx;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer({ databaseUrl: database.url });
    await insertSampleAccounts(server.database.prisma);
    nginx = await startNginx(server.url);
  });
  afterAll(async () => {
    await nginx?.[Symbol.asyncDispose]();
    await server.close();
    await database.drop();
  });

  const get = (url: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(url, { headers: { authorization: `Bearer ${keys.read}`, ...headers } });

  test('every link that the service sends leads back to it', async () => {
    const seen: string[] = [];
    let next: string | undefined = `${nginx.url}/v1/accounts?limit=2`;
    while (next !== undefined) {
      const page = await get(next);
      expect(page.status).toBe(200);
      seen.push(...((await page.json()) as { data: { id: string }[] }).data.map(({ id }) => id));
      const link = /^<(.*)>; rel="next"$/.exec(page.headers.get('link') ?? '')?.[1];
      next = link === undefined ? undefined : new URL(link, page.url).href;
    }
    const all = (await (await get(`${server.url}/v1/accounts`)).json()) as { data: { id: string }[] };
    expect(seen).toEqual(all.data.map(({ id }) => id));

    const queued = await fetch(`${nginx.url}/v1/accounts/${seen[0]}/resync`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.write}` },
    });
    expect(queued.status).toBe(202);
    const { id } = (await queued.json()) as { id: string };
    const resync = await get(new URL(queued.headers.get('location') ?? '', queued.url).href);
    expect([resync.status, await resync.json()]).toMatchObject([200, { id }]);

    const root = await get(`${nginx.url}/`);
    const { links } = (await root.json()) as { links: Record<string, string> };
    for (const link of Object.values(links)) {
      expect((await get(new URL(link, root.url).href)).status, link).toBe(200);
    }
    const document = await get(`${nginx.url}/openapi.json`);
    const [described] = ((await document.json()) as { servers: { url: string }[] }).servers;
    expect(new URL(described?.url ?? '', document.url).href).toBe(`${nginx.url}/`);
  });

  test('the documentation loads everything that it names, also after its redirect', async () => {
    for (const path of ['/docs', '/docs/', '/docs/static/index.html']) {
      const page = await get(`${nginx.url}${path}`);
      const html = await page.text();
      const addresses = [...html.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, address = '']) => address);
      expect(addresses.length, path).toBeGreaterThan(4);
      for (const address of addresses) {
        const asset = await get(new URL(address, page.url).href);
        expect([asset.status, asset.url], address).toEqual([
          200,
          expect.stringContaining('/tidemark/docs/static/'),
        ]);
      }
    }
    const description = await get(`${nginx.url}/docs/json`);
    const [described] = ((await description.json()) as { servers: { url: string }[] }).servers;
    expect(new URL(described?.url ?? '', description.url).href).toBe(`${nginx.url}/`);
  });

  test.skipIf(!hasConsole)(
    'the console loads, signs in, follows events and links under the prefix alone',
    async () => {
      const started = await fetch(`${nginx.url}/v1/resyncs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${keys.write}`, 'content-type': 'application/json' },
        body: JSON.stringify({ scope: 'all' }),
      });
      expect(started.status).toBe(202);
      const browser = await launchBrowser();
      const { page, errors, open, follow, says } = await signIn(browser, `${nginx.url}/`, keys.read, {
        size: 'desktop',
      });
      const paths: string[] = [];
      page.on('request', (request) => paths.push(new URL(request.url()).pathname));
      await says(/^Live$/);
      await follow('Resyncs');
      const resync = page.getByRole('heading', { level: 1, name: 'Resync: repair all' });
      await page.getByRole('table').getByRole('link').first().click();
      await resync.waitFor();
      expect(page.url()).toMatch(`${nginx.url}/resyncs/`);
      await page.reload();
      await resync.waitFor();
      await says(/^Live$/);
      await page.goBack();
      await page.getByRole('heading', { level: 1, name: 'Resyncs' }).waitFor();
      await open('/events?state=applied');
      await says('Live: the newest event is first.');
      await follow('API documentation');
      await page.waitForURL(`${nginx.url}/docs`);
      expect(paths.filter((path) => !path.startsWith('/tidemark/'))).toEqual([]);
      expect(errors).toEqual([]);
      await browser.close();
    },
  );

  test('an export is complete over HTTP/1.1, and refused over HTTP/1.0 with the setting of nginx', async () => {
    const ndjson = { accept: 'application/x-ndjson' };
    const direct = await (await get(`${server.url}/v1/accounts`, ndjson)).text();
    const complete = await get(`${nginx.url}/v1/accounts`, ndjson);
    expect([complete.status, await complete.text()]).toEqual([200, direct]);
    const refused = await get(`${nginx.http10Url}/v1/accounts`, ndjson);
    expect([refused.status, await refused.json()]).toMatchObject([
      426,
      { detail: expect.stringContaining('proxy_http_version 1.1') },
    ]);
    expect((await get(`${nginx.http10Url}/v1/accounts`)).status).toBe(200);
  });
});
