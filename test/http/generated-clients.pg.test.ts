import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { useDatabase } from '../helpers/use-database.ts';
import { accountId, insertAccount, insertEvent } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const run = promisify(execFile);

// What a program does with a client; each line compiles only if the generated types are usable.
const uses = {
  'openapi-fetch': `
    import createClient from 'openapi-fetch';
    import type { components, paths } from './api.d.ts';
    export async function use(baseUrl: string, key: string, id: string) {
      const client = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${key}\` } });
      const list = await client.GET('/v1/accounts', { params: { query: { limit: 1, sort: 'name' } } });
      const names: (string | null)[] = list.data!.data.map((account) => account.name ?? null);
      const one = await client.GET('/v1/accounts/{id}', { params: { path: { id } } });
      const account: components['schemas']['Account'] = one.data!;
      const history = await client.GET('/v1/accounts/{id}/events', { params: { path: { id } } });
      const changes: number = history.data!.data.length;
      const resync = await client.POST('/v1/resyncs', { body: { scope: 'all' } });
      const state: string = resync.data!.state;
      const absent = await client.GET('/v1/accounts/{id}', { params: { path: { id: '001al0000009999' } } });
      const problem: string = absent.error!.title;
      return { names, name: account.name, changes, state, problem, status: absent.response.status };
    }`,
  'hey-api': `
    import { client } from './hey-api/client.gen.ts';
    import { createResync, getAccount, listAccountEvents, listAccounts } from './hey-api/index.ts';
    import type { Account } from './hey-api/index.ts';
    export async function use(baseUrl: string, key: string, id: string) {
      client.setConfig({ baseUrl, auth: key });
      const list = await listAccounts({ query: { limit: 1, sort: 'name' } });
      const names: (string | null)[] = list.data!.data.map((account) => account.name ?? null);
      const one = await getAccount({ path: { id } });
      const account: Account = one.data!;
      const history = await listAccountEvents({ path: { id } });
      const changes: number = history.data!.data.length;
      const resync = await createResync({ body: { scope: 'all' } });
      const state: string = resync.data!.state;
      const absent = await getAccount({ path: { id: '001al0000009999' } });
      const problem: string = absent.error!.title;
      return { names, name: account.name, changes, state, problem, status: absent.response!.status };
    }`,
};

describe('clients generated from openapi.yaml', () => {
  const database = useDatabase();
  let server: TestServer;
  let folder: string;

  beforeAll(async () => {
    server = await startServer({ databaseUrl: database.url });
    await insertAccount(database.prisma, accountId(1), { name: 'Blue Harbour' });
    await insertEvent(database.prisma, { eventId: 'event-1', recordIds: [accountId(1)] });
    // Inside the repository, so that imports of packages resolve.
    const parent = path.join(root, 'console/node_modules/.cache');
    await mkdir(parent, { recursive: true });
    folder = await mkdtemp(path.join(parent, 'clients-'));
    await run(process.execPath, [path.join(root, 'test/helpers/generate-clients.ts'), folder]);
  });
  afterAll(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  it.each(Object.entries(uses))(
    'the client of %s compiles with strict types and works',
    async (name, source) => {
      const file = path.join(folder, `use-${name}.ts`);
      await writeFile(file, source);
      const options = [
        '--noEmit',
        '--strict',
        '--skipLibCheck',
        '--target',
        'es2023',
        '--lib',
        'es2023,dom,dom.iterable',
      ];
      const modules = ['--module', 'esnext', '--moduleResolution', 'bundler', '--allowImportingTsExtensions'];
      const compiled = await run(path.join(root, 'node_modules/.bin/tsc'), [
        ...options,
        ...modules,
        '--ignoreConfig',
        file,
      ]).catch(({ stdout }: { stdout: string }) => ({ stdout }));
      expect(compiled.stdout).toBe('');
      const output = path.join(folder, `use-${name}.mjs`);
      const bundle = await rolldown({ input: file });
      await bundle.write({ file: output, format: 'esm' });
      await bundle.close();
      const { use } = await import(/* @vite-ignore */ pathToFileURL(output).href);
      expect(await use(server.url, keys.admin, accountId(1))).toEqual({
        names: ['Blue Harbour'],
        name: 'Blue Harbour',
        changes: expect.any(Number),
        state: 'queued',
        problem: 'Not found',
        status: 404,
      });
    },
  );
});
