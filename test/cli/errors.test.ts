import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { tidemarkCommand, tidemarkProcess } from '../helpers/command.ts';
import { keys, startServer, type TestServer } from '../http/start-server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.close());

const run = async (settings: Readonly<Record<string, string>>, ...words: string[]) => {
  const { exitCode, stdout, stderr } = await tidemarkCommand(settings, ...words).ended;
  expect(stdout).toBe('');
  return { exitCode, stderr };
};

describe('error messages of the command line', () => {
  test('a command says in one line that nothing listens at the address', async () => {
    const nobody = await startServer();
    await nobody.close();
    const settings = { TIDEMARK_URL: nobody.url, TIDEMARK_API_KEY: 'x' };
    expect(await tidemarkProcess(settings, 'status').ended).toEqual({
      exitCode: 3,
      stdout: '',
      stderr: `No server is listening at ${nobody.url}: start Tidemark with "npm start", or set TIDEMARK_URL.\n`,
    });
  });

  test('a command says in one line that something other than Tidemark answers', async () => {
    const other = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
    const { exitCode, stderr } = await run({ TIDEMARK_URL: url, TIDEMARK_API_KEY: 'x' }, 'status');
    other.close();
    expect([exitCode, stderr]).toEqual([3, `${url} does not respond like Tidemark; set TIDEMARK_URL.\n`]);
  });

  test.each([
    ['an unknown key', 'nonsense', 'The API key is unknown. Set TIDEMARK_API_KEY.\n'],
    [
      'a key without the scope',
      keys.read,
      'The key "reader" lacks the scope "write", which this operation requires. Set TIDEMARK_API_KEY.\n',
    ],
    [
      'a service without its database',
      keys.write,
      'The database does not answer. Try again in a few seconds.\n',
    ],
  ])('a command describes %s in one line', async (_name, key, line) => {
    const settings = { TIDEMARK_URL: server.url, TIDEMARK_API_KEY: key };
    expect(await run(settings, 'resync', '--all')).toEqual({ exitCode: 1, stderr: line });
  });

  test.each([
    [['resync'], 'specify what to read'],
    [['resync', '--all', '--account', 'x'], 'cannot be used with'],
    [['resync', '--since', 'yesterday'], 'It is not a date and time.'],
    [['resync', '--all', '--mode', 'guess'], 'Allowed choices are repair, verify, sample'],
    [['codes', 'retry'], 'specify either accounts or --error-code'],
    [['codes', '--limit', '0'], 'It is not a positive number.'],
    [['resnyc', '--all'], 'Did you mean resync?'],
    [[], 'Usage: tidemark'],
  ])('the usage error of %j ends with exit code 2', async (words, text) => {
    const { exitCode, stderr } = await run({ TIDEMARK_URL: server.url, TIDEMARK_API_KEY: 'x' }, ...words);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(text);
  });

  test('a malformed address and a remote address without a key are described in one line', async () => {
    expect(await run({ TIDEMARK_URL: 'localhost:3000' }, 'status')).toMatchObject({ exitCode: 3 });
    const { exitCode, stderr } = await run({ TIDEMARK_URL: 'https://tidemark.example' }, 'events');
    expect([exitCode, stderr]).toEqual([2, 'TIDEMARK_API_KEY: set it to an API key of tidemark.example\n']);
  });
});

test('the generated key is found in the data folder', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-cli-'));
  await writeFile(path.join(folder, 'api-key'), `${keys.read}\n`);
  const { stderr } = await run({ TIDEMARK_URL: server.url, DATA_DIR: folder }, 'resync', '--all');
  await rm(folder, { recursive: true });
  expect(stderr).toContain('The key "reader" lacks the scope');
});
