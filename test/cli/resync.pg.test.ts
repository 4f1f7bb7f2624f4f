import { createServer } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RunningCommand, tidemarkCommand, tidemarkProcess } from '../helpers/command.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { accountId } from '../http/rows.ts';
import { keys, startServer, type TestServer } from '../http/start-server.ts';

let database: TestDatabase;
let server: TestServer;

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
});
beforeEach(() => server.database.pool.query('truncate resyncs cascade'));
afterAll(async () => {
  await server.close();
  await database.drop();
});

const settings = () => ({ TIDEMARK_URL: server.url, TIDEMARK_API_KEY: keys.write });
const run = (...words: string[]) => tidemarkCommand(settings(), 'resync', ...words);
const runProcess = (...words: string[]) => tidemarkProcess(settings(), 'resync', ...words);
const change = (columns: string) => server.database.pool.query(`update resyncs set ${columns}`);
const rows = () => server.database.prisma.resync.findMany();
const said = (command: RunningCommand, text: string) =>
  eventually(`it says "${text}"`, () => command.stderr().includes(text));

describe('the command tidemark resync', () => {
  test('tidemark resync shows its progress and its result and exits with 0', async () => {
    const command = run('--all');
    await said(command, 'queued: 0 read');
    await change(`state = 'reading', expected = 200, read = 50`);
    await said(command, 'reading: 50 of 200, 25%');
    await change(`waiting = '{"reason": "api budget", "until": "12:00"}'`);
    await said(command, 'waiting: api budget until 12:00');
    await change(`state = 'done', waiting = null, read = 200, created = 3, updated = 5, unchanged = 192`);
    const { exitCode, stdout } = await command.ended;
    expect([exitCode, stdout]).toEqual([0, 'Done: 200 read, 3 new, 5 overwritten, 192 equal, 0 deleted.\n']);
    expect(await rows()).toMatchObject([{ scope: 'all', mode: 'repair', requestedBy: 'writer' }]);
  });

  test('tidemark resync exits with 3 and lists the differences that a verification finds', async () => {
    const command = run('--all', '--mode', 'verify');
    await said(command, 'queued');
    await server.database.pool.query(
      `insert into resync_differences (resync_id, account_id, kind, fields, "values", confirmed)
       select id, $1, 'fields', '{Name}', '{"Name": {"mirror": "a", "salesforce": "b"}}', true from resyncs`,
      [accountId(1)],
    );
    await change(`state = 'done', read = 10, different = 1`);
    const { exitCode, stdout } = await command.ended;
    expect(exitCode).toBe(3);
    expect(stdout).toBe(
      `Done: 10 accounts compared, 1 differ: 0 missing here, 0 not in Salesforce, 1 with other values (Name 1).\n  ${accountId(1)} fields: Name\n`,
    );
  });

  test('tidemark resync exits with 1 and gives the reason if the resync fails', async () => {
    const command = run('--since', '2026-11-23T10:00:00Z');
    await said(command, 'queued');
    await change(`state = 'failed', error = 'Salesforce is gone.'`);
    expect(await command.ended).toMatchObject({ exitCode: 1, stdout: 'Failed: Salesforce is gone.\n' });
    expect(await rows()).toMatchObject([{ scope: 'since', since: new Date('2026-11-23T10:00:00Z') }]);
  });

  test('a resync that needs confirmation ends the command with 4, which says what to check and how to confirm', async () => {
    const command = run('--all');
    await said(command, 'queued');
    await change(`state = 'needs-confirmation', error = 'Check "View All".',
                  waiting = '{"reason": "confirmation", "notVisible": 151, "records": 151}'`);
    const { exitCode, stdout } = await command.ended;
    const [resync] = await rows();
    expect(exitCode).toBe(4);
    expect(stdout).toBe(
      `Needs confirmation: Check "View All".\nOr: tidemark resyncs confirm ${resync?.id}\n`,
    );
    expect(command.stderr()).toContain('151 accounts are not visible');
  });

  test('a resync goes on after a confirmation from the command line, which needs the scope admin', async () => {
    await server.database.pool.query(
      `insert into resyncs (scope, reason, account_ids, state) values ('all', 'overflow', '{}', 'needs-confirmation')`,
    );
    const [resync] = await rows();
    const confirm = (key: string) =>
      tidemarkCommand(
        { TIDEMARK_URL: server.url, TIDEMARK_API_KEY: key },
        'resyncs',
        'confirm',
        String(resync?.id),
      );
    const refused = await confirm(keys.write).ended;
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('admin') });
    const command = confirm(keys.admin);
    await said(command, 'queued');
    await change(`state = 'done', read = 3, deleted = 2, not_visible = 2`);
    const { exitCode, stdout } = await command.ended;
    expect([exitCode, stdout]).toEqual([
      0,
      'Done: 3 read, 0 new, 0 overwritten, 0 equal, 2 deleted (2 without proof: not visible).\n',
    ]);
  });

  test('Ctrl-C cancels the resync, which is reported, and the command exits with 130', async () => {
    const command = runProcess('--account', accountId(1), accountId(2), 'nonsense', '--json');
    await said(command, 'queued');
    command.interrupt();
    const { exitCode, stdout, stderr } = await command.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('Cancelling');
    expect(JSON.parse(stdout)).toMatchObject({ state: 'cancelled', invalidIds: ['nonsense'] });
    expect(await rows()).toMatchObject([{ state: 'cancelled', accountIds: [accountId(1), accountId(2)] }]);
  });

  test('tidemark resync does not wait with --no-wait, and joins a running resync without cancelling it', async () => {
    const first = await run('--all', '--no-wait', '--json').ended;
    expect(first.exitCode).toBe(0);
    const { id } = JSON.parse(first.stdout);
    const command = runProcess('--all');
    await said(command, `A resync is already running`);
    await said(command, 'queued: ');
    command.interrupt();
    expect((await command.ended).exitCode).toBe(130);
    expect(await rows()).toMatchObject([{ id, state: 'queued' }]);
  });

  test('tidemark resync continues after the service was unavailable for a moment', async () => {
    const port = Number(new URL(server.url).port);
    const command = run('--all');
    await said(command, 'queued');
    await server.close();
    await refuseOnce(port);
    server = await startServer({ databaseUrl: database.url, port });
    await change(`state = 'done', read = 7`);
    expect(await command.ended).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('7 read') });
  });
});

/** Listens in place of the service until a connection has been refused. */
async function refuseOnce(port: number): Promise<void> {
  const away = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => away.listen(port, '127.0.0.1', resolve));
  await new Promise((resolve) => away.once('connection', resolve));
  await new Promise((resolve) => away.close(resolve));
}
