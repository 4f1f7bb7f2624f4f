import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { codeStates } from '../../src/codes/signup-code.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, insertAccount } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;

/** Two accounts of each state, one of them deleted, and one more active account without a code. */
beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  let n = 0;
  for (const codeState of [...codeStates, 'none'] as const)
    for (const deleted of codeState === 'none' && n > 0 ? [false] : [false, true]) {
      n++;
      const isHeld = codeState === 'written' || codeState === 'confirmed';
      await insertAccount(server.database.prisma, accountId(n), {
        codeState,
        deleted,
        name: `Account ${n}`,
        ...(codeState !== 'none' && { [isHeld ? 'signupCode' : 'pendingSignupCode']: `CODE${n}` }),
        ...(codeState === 'failed' && { codeError: { code: 'LOCKED', message: 'No.', at: null } }),
      });
    }
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

const listed = async (path: string): Promise<number> => (await server.send('get', path)).body.data.length;
const status = async () => (await server.send('get', '/v1/status')).body;

describe('the counts of signup codes', () => {
  test('every count of codes in the status is the number of rows of its list', async () => {
    const { counts, writeBack } = await status();
    expect(counts.accounts.byCodeState).toEqual({ none: 2, pending: 1, written: 1, confirmed: 1, failed: 1 });
    for (const state of codeStates)
      expect(await listed(`/v1/accounts?codeState=${state}`), state).toBe(counts.accounts.byCodeState[state]);
    for (const state of ['pending', 'written', 'failed'])
      expect(await listed(`/v1/write-backs?state=${state}`), state).toBe(writeBack.counts[state]);
    expect(await listed('/v1/accounts')).toBe(counts.accounts.active);
    expect(await listed('/v1/accounts?deleted=true')).toBe(counts.accounts.deleted);
    expect(writeBack.failures).toEqual([expect.objectContaining({ code: 'LOCKED', count: 1 })]);
    const metrics = await server.send('get', '/metrics');
    for (const state of codeStates)
      expect(metrics.text).toContain(
        `tidemark_account_codes{state="${state}"} ${counts.accounts.byCodeState[state]}\n`,
      );
  });

  test('the code of a deleted account is counted again when the account is restored', async () => {
    await server.database.pool.query('update accounts set deleted = false where deleted');
    const { counts } = await status();
    expect(counts.accounts.byCodeState).toEqual({ none: 3, pending: 2, written: 2, confirmed: 2, failed: 2 });
    expect(await listed('/v1/write-backs?state=failed')).toBe(2);
  });
});

describe('codes that Salesforce does not hold', () => {
  test('a code is served as signupCode only if Salesforce holds it, in every list and export', async () => {
    const rows = (await server.send('get', '/v1/accounts?deleted=all')).body.data;
    const lines = await fetch(`${server.url}/v1/accounts?deleted=all`, {
      headers: { authorization: `Bearer ${keys.read}`, accept: 'application/x-ndjson' },
    });
    const exported = (await lines.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const writeBacks = (await server.send('get', '/v1/write-backs')).body.data.map(
      ({ state, ...row }: { state: string }) => ({ ...row, codeState: state }),
    );
    const found = (await server.send('get', '/v1/accounts?q=code')).body.data;
    expect([rows.length, exported.length, writeBacks.length, found.length]).toEqual([11, 11, 6, 8]);
    for (const { codeState, signupCode, pendingSignupCode } of [
      ...rows,
      ...exported,
      ...writeBacks,
      ...found,
    ]) {
      const isHeld = codeState === 'written' || codeState === 'confirmed';
      const code = codeState === 'none' ? null : expect.stringMatching(/^CODE\d+$/);
      expect({ signupCode, pendingSignupCode }, codeState).toEqual(
        isHeld
          ? { signupCode: code, pendingSignupCode: null }
          : { signupCode: null, pendingSignupCode: code },
      );
    }
  });

  test('the filter signupCode finds only codes that Salesforce holds', async () => {
    const codes = (await server.send('get', '/v1/accounts')).body.data.flatMap(
      ({ signupCode, pendingSignupCode }: Record<string, string | null>) =>
        [signupCode, pendingSignupCode].filter((code) => code !== null),
    );
    const found = await Promise.all(codes.map((code: string) => listed(`/v1/accounts?signupCode=${code}`)));
    expect(found.reduce((sum, count) => sum + count, 0)).toBe(4);
  });

  test('members of an account can be selected with a pending code', async () => {
    const path = '/v1/accounts?codeState=pending&select=pendingSignupCode';
    const { data } = (await server.send('get', path, { key: keys.read })).body;
    expect(data[0]).toEqual({ id: expect.any(String), pendingSignupCode: expect.stringMatching(/^CODE/) });
  });
});
