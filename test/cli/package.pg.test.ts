import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount, insertEvent, uuid } from '../http/rows.ts';
import { keys, startServer, type TestServer } from '../http/start-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
let folder: string;
let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'tidemark-package-'));
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});
afterAll(async () => {
  await server.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

/** Runs npm without a network. */
async function npm(cwd: string, ...words: string[]): Promise<string> {
  const env = {
    PATH: `${path.dirname(process.execPath)}${path.delimiter}${process.env['PATH']}`,
    HOME: folder,
    npm_config_cache: path.join(folder, 'cache'),
    npm_config_update_notifier: 'false',
  };
  return (await promisify(execFile)('npm', [...words, '--offline'], { cwd, env })).stdout;
}

test('npm pack yields the command line, which is installed without a network and works outside the checkout', async () => {
  // In a copy, because package.json is replaced while it is packed.
  const checkout = path.join(folder, 'checkout');
  for (const name of ['package.json', 'README.md', 'LICENSE', 'src', 'deploy']) {
    await cp(path.join(root, name), path.join(checkout, name), { recursive: true });
  }
  await symlink(path.join(root, 'node_modules'), path.join(checkout, 'node_modules'));
  const [{ filename, files }] = JSON.parse(await npm(checkout, 'pack', '--json'));
  expect(filename).toBe(`tidemark-${packageJson.version}.tgz`);
  const paths = files.map((file: { path: string }) => file.path).sort();
  expect(paths).toEqual([
    'LICENSE',
    'README.md',
    'dist/LICENSES',
    'dist/cli.js',
    'dist/run-command.js',
    'package.json',
  ]);
  for (const name of ['package.json', 'README.md']) {
    expect(await readFile(path.join(checkout, name), 'utf8')).toBe(
      await readFile(path.join(root, name), 'utf8'),
    );
  }

  const empty = await mkdtemp(path.join(folder, 'empty-'));
  await npm(empty, 'install', `${checkout}/${filename}`);
  const installed = path.join(empty, 'node_modules');
  const manifest = JSON.parse(await readFile(path.join(installed, 'tidemark/package.json'), 'utf8'));
  expect(manifest).toMatchObject({ private: true, engines: { node: '>=22.12' } });
  expect(Object.keys(manifest).filter((key) => /dependencies|scripts/i.test(key))).toEqual([]);

  const run = async (...words: string[]): Promise<string> => {
    const env = { TIDEMARK_URL: server.url, TIDEMARK_API_KEY: keys.read };
    const command = [path.join(installed, '.bin/tidemark'), ...words];
    return (await promisify(execFile)(process.execPath, command, { cwd: empty, env })).stdout;
  };
  const { prisma } = server.database;
  const account = { signupCode: 'CODE1', codeState: 'written', codeAttemptedAt: new Date() };
  await insertAccount(prisma, accountId(1), { name: 'Acme', ...account });
  expect(await run('--version')).toBe(`${packageJson.version}\n`);
  expect(await run('status')).toMatch(/^Healthy: /);
  expect(await run('codes')).toContain(`${accountId(1)}  CODE1  written`);
  const tail = run('tail', '--count', '1');
  const change = await insertChanges(tail);
  expect(await tail).toContain(change);
});

/** Inserts events until the command has shown one of them: a new stream starts with new events. @returns a record id */
async function insertChanges(tail: Promise<string>): Promise<string> {
  let isShown = false;
  void tail.finally(() => {
    isShown = true;
  });
  for (let n = 1; !isShown; n++) {
    const event = { eventId: uuid(n), position: BigInt(n), recordIds: [accountId(1)] };
    await insertEvent(server.database.prisma, event);
  }
  return accountId(1);
}
