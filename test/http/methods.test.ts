import request from 'supertest';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, type TestServer } from './start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

test('OPTIONS lists the methods of every route and needs no key', async () => {
  const urls = Object.keys(server.description.paths).map(withIds);
  expect(urls.length).toBeGreaterThan(20);
  for (const url of urls) {
    const response = await server.send('options', url, { key: '' });
    expect([response.status, response.text], url).toEqual([204, '']);
    expect(response.headers['allow'], url).toBe([...methodsOf(url), 'OPTIONS'].sort().join(', '));
    expect(response.headers['x-request-id'], url).toBeDefined();
  }
});

test('OPTIONS of an unknown path is not found', async () => {
  expect((await server.send('options', '/v1/nothing', { key: '' })).status).toBe(404);
});

test('HEAD is answered where GET is and needs the same key', async () => {
  for (const [path, operations] of Object.entries(server.description.paths)) {
    const url = withIds(path);
    const { status } = await request(server.url).head(url);
    if (!methodsOf(url).includes('HEAD')) expect(status, url).toBe(405);
    else if (operations['get']?.security === undefined) expect(status, url).toBe(401);
    else expect([200, 503], url).toContain(status);
  }
});

/** What the description says; a URL may fit several of its templates. */
function methodsOf(url: string): string[] {
  const fitting = Object.entries(server.description.paths).filter(([path]) =>
    new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(url),
  );
  const names = fitting.flatMap(([, operations]) => Object.keys(operations));
  return [...new Set(names.flatMap((name) => (name === 'get' ? ['GET', 'HEAD'] : [name.toUpperCase()])))];
}

function withIds(path: string): string {
  const account = '001al00000K3N1wAAF';
  return path
    .replace('{id}', path.includes('accounts') ? account : '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01')
    .replace(/\{\w+\}/, account);
}
