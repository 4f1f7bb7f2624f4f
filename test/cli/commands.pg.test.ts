import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Verdict } from '../../src/health/verdict.ts';
import { openIncident } from '../../src/incidents/incident-rows.ts';
import { type RunningCommand, tidemarkCommand, tidemarkProcess } from '../helpers/command.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { accountId, insertAccount, insertEvent, uuid } from '../http/rows.ts';
import { healthy, keys, startServer, type TestServer } from '../http/start-server.ts';

let database: TestDatabase;
let server: TestServer;
let verdict: Verdict = healthy;

const start = (port = 0) =>
  startServer({ databaseUrl: database.url, port, overrides: { health: async () => verdict } });

beforeAll(async () => {
  database = await createTestDatabase();
  server = await start();
  const isServing = async () => (await server.send('get', '/v1/status')).status === 200;
  await eventually('the status is served', isServing);
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const settings = () => ({ TIDEMARK_URL: server.url, TIDEMARK_API_KEY: keys.admin });
const command = (...words: string[]): RunningCommand => tidemarkCommand(settings(), ...words);
const run = (...words: string[]) => command(...words).ended;
const linesOf = ({ stdout }: { readonly stdout: string }): string[] => stdout.trimEnd().split('\n');

describe('tidemark status', () => {
  const since = new Date(Date.now() - 12 * 3_600_000);
  const problem = {
    code: 'stream-stopped' as const,
    detail: 'user is inactive',
    since,
    action: 'Activate the user.',
  };

  test.each([
    [healthy, 0, 'Healthy: the mirror is current.'],
    [
      {
        ...healthy,
        health: 'degraded' as const,
        problems: [{ ...problem, severity: 'degraded' as const, summary: 'Codes fail.' }],
      },
      1,
      'Degraded for 12 h (stream-stopped): Codes fail. user is inactive. Activate the user.',
    ],
    [
      {
        ...healthy,
        health: 'down' as const,
        problems: [{ ...problem, severity: 'down' as const, summary: 'The stream is stopped.' }],
      },
      2,
      'Down for 12 h (stream-stopped): The stream is stopped. user is inactive. Activate the user.',
    ],
  ])('the status $health begins with the verdict and exits with its own code', async (now, code, line) => {
    verdict = now;
    const result = await run('status');
    verdict = healthy;
    expect([result.stderr, result.exitCode, linesOf(result)[0]]).toEqual(['', code, line]);
    expect(result.stdout).toContain('\nStream ');
  });

  test('the status as JSON is that of the API', async () => {
    const { exitCode, stdout } = await tidemarkProcess(settings(), 'status', '--json').ended;
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual((await server.send('get', '/v1/status')).body);
  });

  test('colors are written only if they are wanted', async () => {
    const settings = { TIDEMARK_URL: server.url, TIDEMARK_API_KEY: keys.read };
    const green = '\u001b[32mHealthy\u001b[39m';
    expect((await tidemarkCommand(settings, 'status').ended).stdout).not.toContain('\u001b');
    expect((await tidemarkCommand({ ...settings, FORCE_COLOR: '1' }, 'status').ended).stdout).toContain(
      green,
    );
    const refused = await tidemarkCommand({ ...settings, FORCE_COLOR: '0' }, 'status').ended;
    expect(refused.stdout).not.toContain('\u001b');
  });

  test('the status is shown again and again with --watch, also while the service restarts', async () => {
    const watching = tidemarkProcess(settings(), 'status', '--watch', '1');
    const shown = (text: string) => eventually(`it shows ${text}`, () => watching.stdout().includes(text));
    await shown('Healthy: ');
    const port = Number(new URL(server.url).port);
    await server.close();
    await shown('Unknown: No server is listening');
    verdict = {
      ...healthy,
      health: 'degraded',
      problems: [{ ...problem, severity: 'degraded', summary: 'X.' }],
    };
    server = await start(port);
    await shown('Degraded for 12 h');
    verdict = healthy;
    watching.interrupt();
    await watching.ended;
  });
});

describe('tidemark codes', () => {
  const refused = { code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message: 'No.', at: null, fields: ['Phone'] };

  beforeAll(async () => {
    const { prisma } = server.database;
    const failed = { codeState: 'failed', codeError: refused, codeAttempts: 3 };
    for (const n of [1, 2, 3, 4]) {
      const codeAttemptedAt = new Date(Date.UTC(2026, 10, 23, 10, n));
      const values = { name: `Account ${n}`, signupCode: `CODE${n}`, codeAttemptedAt };
      await insertAccount(prisma, accountId(n), {
        ...values,
        ...(n < 4 ? failed : { codeState: 'written' }),
      });
    }
  });

  test('codes are listed in columns and filtered by state and cause', async () => {
    const lines = linesOf(
      await run('codes', '--state', 'failed', '--error-code', refused.code, '--limit', '2'),
    );
    expect(lines[0]).toMatch(/^ACCOUNT +CODE +STATE +ATTEMPTS +LAST ATTEMPT +CAUSE +NAME$/);
    expect(lines[2]).toBe(
      `${accountId(2)}  CODE2  failed  3         2026-11-23 10:02:00Z  FIELD_CUSTOM_VALIDATION_EXCEPTION  Account 2`,
    );
    expect(lines).toHaveLength(3);
  });

  test('more codes than one page are listed, and a list that is cut says so', async () => {
    const all = JSON.parse((await run('codes', 'list', '--json')).stdout);
    expect(all).toEqual((await server.send('get', '/v1/write-backs')).body);
    const { stderr } = await run('codes', '--limit', '2');
    expect(stderr).toBe('There are more: --limit 4\n');
    expect((await run('codes', '--state', 'pending')).stdout).toBe('No codes.\n');
  });

  test('one code is shown with the reason and its attempts', async () => {
    const { stdout } = await run('codes', 'show', accountId(1));
    expect(stdout).toContain('State    failed');
    expect(stdout).toContain('Reason   ');
  });

  test('codes are sent again by account and by cause', async () => {
    expect((await run('codes', 'retry', accountId(1))).stdout).toBe('1 code is queued.\n');
    const { stdout } = await run('codes', 'retry', '--error-code', refused.code, '--json');
    expect(JSON.parse(stdout)).toEqual({ retried: 2 });
    expect(linesOf(await run('codes', '--state', 'pending'))).toHaveLength(4);
    expect(await run('codes', 'retry')).toMatchObject({ exitCode: 2 });
  });
});

describe('tidemark events', () => {
  let failed: string;

  beforeAll(async () => {
    const { prisma } = server.database;
    const event = { recordIds: [accountId(1)], changedFields: ['Industry'] };
    await insertEvent(prisma, { ...event, eventId: uuid(1) }, { Industry: 'Energy' });
    failed = await insertEvent(prisma, { ...event, eventId: uuid(2), state: 'failed', error: 'It broke.' });
  });

  test('events are listed with their error or their fields, and filtered', async () => {
    const [head, ...lines] = linesOf(await run('events', '--record-id', accountId(1)));
    expect(head).toMatch(/^EVENT +RECEIVED +TYPE +STATE +RECORDS +FIELDS OR ERROR$/);
    expect(lines[0]).toMatch(new RegExp(`^${failed} .*  UPDATE  failed   ${accountId(1)}  It broke\\.$`));
    expect(lines[1]).toMatch(/ applied {2}.* Industry$/);
    expect(linesOf(await run('events', '--state', 'failed'))).toHaveLength(2);
  });

  test('one event is shown with its decoded values', async () => {
    const { stdout } = await run('events', 'show', uuid(1));
    expect(stdout).toMatch(/^Change +UPDATE/m);
    expect(stdout).toMatch(/^Industry +"Energy"$/m);
  });

  test('a failed event is dismissed with a reason, or applied again', async () => {
    const dismissed = await run('events', 'dismiss', failed, '--reason', 'Test data.');
    expect(dismissed.stdout).toBe(`Event ${failed} is dismissed.\n`);
    expect((await run('events', 'show', failed)).stdout).toMatch(/^Dismissed +by operator: Test data\.$/m);
    const { prisma } = server.database;
    const other = await insertEvent(prisma, { eventId: uuid(3), state: 'failed', error: 'It broke.' });
    expect((await run('events', 'retry', other)).stdout).toContain(`Event ${other} is queued`);
  });

  test('a problem of the API is described in words', async () => {
    const unknown = await run('events', 'show', '999999');
    expect(unknown).toMatchObject({ exitCode: 1, stderr: 'Event 999999 is not in the log.\n' });
    const { exitCode, stderr } = await run('events', '--state', 'nonsense');
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^state must be .*applied/)]);
  });
});

describe('tidemark incidents and resyncs', () => {
  test('incidents are listed with their extent', async () => {
    await openIncident(server.database.pool, {
      topic: '/data/AccountChangeEvent',
      cause: 'gap',
      detail: 'One gap event.',
      extent: 'accounts',
      accountIds: [accountId(1)],
      eventIds: [7n],
      from: new Date('2026-11-23T10:00:00Z'),
      to: new Date('2026-11-23T10:00:01Z'),
    });
    const lines = linesOf(await run('incidents', '--cause', 'gap'));
    expect(lines[1]).toMatch(new RegExp(` open   gap    ${accountId(1)}  One gap event\\.$`));
    expect((await run('incidents', '--state', 'closed')).stdout).toBe('No incidents.\n');
  });

  test('a resync is started, listed, shown and cancelled', async () => {
    const started = await run('resyncs', 'start', '--all', '--no-wait', '--json');
    const { id } = JSON.parse(started.stdout);
    expect(linesOf(await run('resyncs', '--state', 'queued'))[1]).toMatch(new RegExp(`^${id} .*operator`));
    expect((await run('resyncs', 'show', id)).stdout).toContain('queued: 0 read');
    expect((await run('resyncs', 'cancel', id)).stdout).toBe(
      'Cancelled after 0 accounts; what was read stays.\n',
    );
    const again = await run('resyncs', 'confirm', id);
    expect(again).toMatchObject({
      exitCode: 1,
      stderr: 'The resync is cancelled: there is nothing to confirm.\n',
    });
  });
});

describe('tidemark tail', () => {
  const apply = (n: number, more: object = {}) =>
    insertEvent(server.database.prisma, {
      eventId: uuid(100 + n),
      position: 1_000n + BigInt(n),
      recordIds: [accountId(n)],
      changedFields: ['Name'],
      ...more,
    });

  test('tail shows each change and continues without a gap after the service was unavailable', async () => {
    const tail = command('tail', '--count', '3');
    await eventually('it is connected', () => tail.stderr().includes('Connected'));
    const first = await apply(1);
    await eventually('it shows the first change', () => tail.stdout().includes(first));
    const port = Number(new URL(server.url).port);
    await server.close();
    await eventually('it reconnects', () => tail.stderr().includes('Reconnecting'));
    server = await start(port);
    const second = await apply(2);
    const third = await apply(3, { changeType: 'DELETE', changedFields: [] });
    const { exitCode, stdout } = await tail.ended;
    expect(exitCode).toBe(0);
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(new RegExp(`^${first}  .*Z  UPDATE    ${accountId(1)}  Name$`)),
      expect.stringMatching(new RegExp(`^${second}  .*Z  UPDATE    ${accountId(2)}  Name$`)),
      expect.stringMatching(new RegExp(`^${third}  .*Z  DELETE    ${accountId(3)}$`)),
    ]);
  });

  test('tail filters, writes one JSON object per line, and starts after a position', async () => {
    const words = ['--record-id', accountId(5), '--json', '--count', '1'];
    const tail = command('tail', ...words);
    await eventually('it is connected', () => tail.stderr().includes('Connected'));
    await apply(4);
    await apply(5);
    const [line = ''] = linesOf(await tail.ended);
    const { streamId, recordIds } = JSON.parse(line);
    expect(recordIds).toEqual([accountId(5)]);
    await apply(6);
    const later = await run('tail', '--last-event-id', streamId, '--json', '--count', '1');
    expect(JSON.parse(later.stdout)).toMatchObject({ recordIds: [accountId(6)] });
  });

  test('tail ends at once if the service cannot be reached at the start', async () => {
    const settings = { TIDEMARK_URL: 'http://127.0.0.1:1', TIDEMARK_API_KEY: 'x' };
    expect(await tidemarkCommand(settings, 'tail').ended).toMatchObject({ exitCode: 1 });
  });
});
