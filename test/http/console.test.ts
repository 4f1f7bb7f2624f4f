import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startServer, type TestServer } from './start-server.ts';

const built = existsSync(new URL('../../console/dist/index.html', import.meta.url));
if (!built) process.stderr.write('skipped: the console is not built; npm ci builds it\n');

/** As browsers send it when they open a page. */
const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe.skipIf(!built)('the files of the web console', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.close());

  const open = (path: string, headers: Record<string, string> = { accept }): Promise<Response> =>
    fetch(server.url + path, { headers });
  const filesOf = (page: string): string[] =>
    [...page.matchAll(/(?:src|href)="([^":]*assets\/[^"]+)"/g)].map(([, file = '']) => file);

  it.each([
    '/',
    '/accounts',
    '/accounts/001al00000K3N1wAAF',
    '/codes',
    '/incidents',
    '/resyncs/42c6e4a0-1111-4222-8333-444455556666',
    '/events?recordId=001al00000K3N1wAAF',
    '/system',
    '/salesforce-simulator',
  ])('a browser gets the console at %s with files that exist', async (path) => {
    const response = await open(path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-cache');
    expect(response.headers.get('vary')).toBe('accept, accept-encoding');
    const files = filesOf(await response.text());
    expect(files).toHaveLength(2);
    for (const file of files) {
      const found = await fetch(new URL(file, server.url + path));
      expect([file, found.status]).toEqual([file, 200]);
      expect(found.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    }
  });

  it('the console runs nothing but its own files', async () => {
    const response = await open('/');
    expect(response.headers.get('content-security-policy')?.split(';').sort()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'self'",
    ]);
    const page = await response.text();
    expect(page.replaceAll(/<script[^>]*src=[^>]*><\/script>/g, '')).not.toMatch(/<script|<style|style=/);
  });

  it('clients of the API get the links at the root and a problem at the paths of views', async () => {
    for (const headers of [{}, { accept: '*/*' }, { accept: 'application/json' }]) {
      expect(await (await open('/', headers)).json()).toMatchObject({ name: 'Tidemark' });
      const missing = await open('/accounts', headers);
      expect([missing.status, missing.headers.get('content-type')]).toEqual([
        404,
        'application/problem+json; charset=utf-8',
      ]);
    }
  });

  it('a browser gets the problem for unknown paths, unknown files and other methods', async () => {
    for (const path of ['/accounts/1/2', '/nothing', '/assets/nothing.js', '/assets/../package.json']) {
      const missing = await open(path);
      expect([path, missing.status, ((await missing.json()) as { title: string }).title]).toEqual([
        path,
        404,
        'Not found',
      ]);
    }
    const posted = await fetch(`${server.url}/accounts`, { method: 'POST', headers: { accept } });
    expect(posted.status).toBe(404);
  });

  it('the first view has at most 80,000 bytes gzipped and one round of files', async () => {
    const page = await (await open('/')).text();
    const files = filesOf(page);
    const folder = new URL('../../console/dist/', import.meta.url);
    const contents = files.map((file) => readFileSync(new URL(file, folder)));
    const bytes = [Buffer.from(page), ...contents].reduce((sum, file) => sum + gzipSync(file).length, 0);
    expect(bytes).toBeLessThanOrEqual(80_000);
    // Neither a script nor a style sheet loads further files.
    for (const content of contents)
      expect(String(content)).not.toMatch(/import\(["'`]|@import|url\((?!data:)/);
    const [script = ''] = files.filter((file) => file.endsWith('.js'));
    const compressed = await fetch(new URL(script, server.url), { headers: { 'accept-encoding': 'gzip' } });
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
  });
});
