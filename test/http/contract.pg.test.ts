import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount, insertEvent, uuid } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A command of node_modules/.bin; what it printed. No request leaves the machine: no telemetry, no check for newer versions. */
async function run(command: string, ...args: string[]): Promise<string> {
  const env = {
    ...process.env,
    CI: '1',
    REDOCLY_TELEMETRY: 'off',
    REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
    REDOCLY_SUPPRESS_NOTIFICATIONS: 'true',
  };
  const done = promisify(execFile)(`${root}node_modules/.bin/${command}`, args, { cwd: root, env });
  const { stdout, stderr } = await done.catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${command} failed:\n${error.stdout}${error.stderr}`);
  });
  return `${stdout}${stderr}`;
}

test('openapi.yaml passes the recommended rules without a warning', async () => {
  const said = await run('redocly', 'lint', 'openapi.yaml');
  expect(said).toContain('valid');
  expect(said).not.toMatch(/warning|error/i);
});

// What a customer writes against the client that a generator makes of openapi.yaml. Wrong types do not compile.
const program = `
import { ApiError, configure, createResync, getAccount, getEvent, listAccounts, streamEvents } from './client.ts';

const [, , serverUrl = '', bearer = ''] = process.argv;
configure({ serverUrl, auth: { bearer } });

const { data, nextCursor } = await listAccounts({ query: { limit: 1 } });
const first: string | null | undefined = data[0]?.name;
const next = nextCursor === null ? undefined : await listAccounts({ query: { limit: 1, cursor: nextCursor } });
const account = await getAccount({ path: { id: data[0]?.id ?? '' } });
const codeState: 'none' | 'pending' | 'written' | 'confirmed' | 'failed' = account.codeState;
const event = await getEvent({ path: { id: 'EVENT' } });
const order = await createResync({ body: { scope: 'since', since: '2026-11-23T10:00:00Z' } });
const missing = await getEvent({ path: { id: '999999' } }).catch((error: unknown) => error);
let live = '';
for await (const message of streamEvents()) {
  live = message.event ?? '';
  break;
}
// @ts-expect-error There is no such filter.
const refused = await listAccounts({ query: { colour: 'red' } }).catch((error: unknown) => error);
console.log(JSON.stringify({
  first, second: next?.data[0]?.name, codeState, position: event.position, order: order.state, live,
  missing: missing instanceof ApiError && missing.status, refused: refused instanceof ApiError && refused.status,
}));
`;

describe('a client generated from openapi.yaml', () => {
  let database: TestDatabase;
  let server: TestServer;
  let folder: string;

  beforeAll(async () => {
    database = await createTestDatabase();
    server = await startServer({ databaseUrl: database.url });
    // Inside the project, so that it finds the types of Node.
    await mkdir(`${root}.generated-client`, { recursive: true });
    folder = await mkdtemp(`${root}.generated-client/`);
  });
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
    await server.close();
    await database.drop();
  });

  test('the generated client compiles and works against the service', async () => {
    const { prisma } = server.database;
    for (const n of [1, 2]) await insertAccount(prisma, accountId(n), { name: `Number ${n}` });
    const event = await insertEvent(prisma, { eventId: uuid(1), position: 7n });

    await run('redocly', 'generate-client', 'openapi.yaml', '--output', `${folder}/client.ts`);
    await writeFile(`${folder}/program.ts`, program.replace('EVENT', event));
    // What is generated is written in a style that is not ours.
    const compilerOptions = {
      lib: ['ESNext', 'DOM', 'DOM.Iterable'],
      noPropertyAccessFromIndexSignature: false,
    };
    const config = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] };
    await writeFile(`${folder}/tsconfig.json`, JSON.stringify(config));
    await run('tsc', '--noEmit', '-p', folder);

    const said = await run('node', `${folder}/program.ts`, server.url, keys.write);
    expect(JSON.parse(said)).toEqual({
      first: 'Number 1',
      second: 'Number 2',
      codeState: 'none',
      position: '7',
      order: 'queued',
      live: 'ready',
      missing: 404,
      refused: 400,
    });
  });
});
