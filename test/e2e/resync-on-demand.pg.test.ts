import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tidemarkCommand } from '../helpers/command.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { type ApiAccount, storyKey } from '../helpers/tidemark.ts';

let mirror: LiveMirror;
beforeAll(async () => {
  mirror = await openMirror({ tidemark: { timing: { settleMs: 0 } } });
});
afterAll(() => mirror[Symbol.asyncDispose]());

const tidemark = (...words: string[]) =>
  tidemarkCommand({ TIDEMARK_URL: mirror.tidemark.url, TIDEMARK_API_KEY: storyKey }, ...words).ended;
const readAgain = (id: string) => mirror.tidemark.request('POST', `/v1/accounts/${id}/resync?wait=true`);

describe('the resync of one account while the client waits', () => {
  it('a resync returns the account as Salesforce has it, even if the mirror did not know it', async () => {
    const [id = ''] = mirror.accountIds();
    mirror.changeSilently(id, { Phone: 'known to Salesforce only' });
    const answer = await readAgain(id);
    expect(answer.status).toBe(200);
    expect(((await answer.json()) as ApiAccount).fields['Phone']).toBe('known to Salesforce only');
    const created = mirror.silently((tx) => tx.insert({ Name: 'Silent Ltd' }));
    expect(((await (await readAgain(created.id ?? '')).json()) as ApiAccount).name).toBe('Silent Ltd');
  });

  it('a resync of an account that neither side has answers 404', async () => {
    const answer = await readAgain('001al00000K3N1wAAF');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({
      detail: 'Account 001al00000K3N1wAAF exists neither in Salesforce nor in the mirror.',
    });
  });
});

describe('the command line', () => {
  it('the command line finds a silent change, repairs it and finds no more difference', async () => {
    const [, id = ''] = mirror.accountIds();
    await mirror.codesConfirmed();
    const before = await tidemark('resync', '--all', '--mode', 'verify');
    expect([before.exitCode, before.stdout]).toEqual([0, expect.stringMatching(/compared, all equal\.\n$/)]);
    mirror.changeSilently(id, { Phone: 'silent' });
    const verified = await tidemark('resync', '--all', '--mode', 'verify');
    expect(verified.exitCode).toBe(3);
    expect(verified.stdout).toContain(`\n  ${id} fields: `);
    const repaired = await tidemark('resync', '--all');
    expect([repaired.exitCode, repaired.stdout]).toEqual([0, expect.stringContaining(', 1 overwritten, ')]);
    const after = await tidemark('resync', '--account', id, '--mode', 'verify', '--json');
    expect(after.exitCode).toBe(0);
    expect(JSON.parse(after.stdout)).toMatchObject({ state: 'done', verification: { different: 0 } });
    const { stdout } = await tidemark('status');
    expect(stdout).toMatch(/^Stream {13}streaming for /m);
    expect(stdout).toMatch(
      /^Last verification {2}1 of \d+ differed and were repaired \(verify \d+ s ago\)$/m,
    );
  });
});
