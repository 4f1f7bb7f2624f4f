import { describe, expect, it } from 'vitest';
import { parseCodeFilter } from '../../src/codes/code-filter.ts';
import { openMirror } from '../helpers/live-mirror.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

const field = 'SignUpCode__c';

describe('the rules of codes', () => {
  it('codes are selected by field values, also after a later update, with the configured format and restoring', async () => {
    await using mirror = await openMirror({
      tidemark: {
        codes: {
          filter: parseCodeFilter("Industry = 'Energy' AND Phone != null"),
          format: { alphabet: '0123456789', length: 14, prefix: 'TM-' },
          restore: true,
        },
        collectMs: 20,
      },
    });
    const writeBacks = writeBacksOf(mirror);
    const [old = ''] = mirror.accountIds();
    const fitting = await mirror.salesforce.create({ Name: 'Fits', Industry: 'Energy', Phone: '1' });
    const later = await mirror.salesforce.create({ Name: 'Fits later', Industry: 'Energy' });
    const { signupCode: code } = await writeBacks.confirmed(fitting);
    expect(code).toMatch(/^TM-\d{14}$/);
    await mirror.settled();
    expect(await mirror.account(later)).toMatchObject({ signupCode: null, codeState: 'none' });
    await mirror.salesforce.update(later, { Phone: '2' });
    await writeBacks.confirmed(later);
    // One that was there before Tidemark gets none, however well it fits.
    await mirror.salesforce.update(old, { Industry: 'Energy', Phone: '3' });
    await mirror.accountWhen(old, 'it is followed', ({ fields }) => fields['Phone'] === '3');
    expect(await mirror.account(old)).toMatchObject({ signupCode: null, codeState: 'none' });
    // What is cleared comes back, and is the same code.
    await mirror.salesforce.update(fitting, { [field]: null });
    await mirror.until(
      'it is written again',
      async () => mirror.simulator.org.record(fitting)?.values[field] === code,
    );
    expect((await writeBacks.confirmed(fitting)).signupCode).toBe(code);
  });

  it('a rule that names an unknown field aborts the startup with one line', async () => {
    const filter = parseCodeFilter("Tpye = 'Customer'");
    await expect(openMirror({ tidemark: { codes: { filter } } })).rejects.toThrow(
      'SIGNUP_CODE_FILTER: change events of Account have no field "Tpye"',
    );
  });

  it('accounts already in the mirror get codes if that is switched on, but deleted ones do not', async () => {
    await using mirror = await openMirror({
      simulator: { accounts: 250 },
      tidemark: { collectMs: 20 },
    });
    const writeBacks = writeBacksOf(mirror);
    const ids = mirror.accountIds();
    const [deleted = '', held = ''] = ids;
    await mirror.salesforce.remove(deleted);
    mirror.changeSilently(held, { [field]: 'BY-HAND' });
    await mirror.settled();
    expect((await writeBacks.status()).writeBack.backfill).toBeNull();
    await mirror.stop();
    const before = mirror.simulator.allowance.used;
    await mirror.startAgain({ backfill: true });
    const { backfill } = await mirror.until('all have theirs', async () => {
      const { counts, writeBack } = await writeBacks.status();
      const isDone =
        writeBack.backfill?.finishedAt != null && writeBack.counts['confirmed'] === counts.accounts.active;
      return isDone && writeBack;
    });
    expect(backfill?.given).toBe(backfill?.seen);
    expect(await mirror.account(held)).toMatchObject({ signupCode: 'BY-HAND', codeState: 'confirmed' });
    expect(await mirror.account(deleted)).toMatchObject({ signupCode: null, codeState: 'none' });
    const without = ids.slice(2).filter((id) => mirror.simulator.org.record(id)?.values[field] === undefined);
    expect(without).toEqual([]);
    // Two calls for each 200, and a few for the start.
    expect(mirror.simulator.allowance.used - before).toBeLessThan(20);
  });
});
