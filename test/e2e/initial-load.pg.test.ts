import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate, type RestGate } from '../helpers/rest-gate.ts';

describe('the initial load', () => {
  let gate: RestGate;

  beforeEach(async () => {
    gate = await openRestGate();
  });

  afterEach(() => gate[Symbol.asyncDispose]());

  /** Tidemark, stopped before it has read the second of two pages; `release` lets it go on. */
  const openInTheMiddle = async (
    kind: 'hold' | 'hold answer' = 'hold',
  ): Promise<{ mirror: LiveMirror; release: () => void }> => {
    const secondPage = gate.meet({ path: /\/query\/.*-\d+/, treatment: { kind } });
    const mirror = await openMirror({
      gate,
      simulator: { accounts: 2_100 },
      tidemark: { waitUntilReady: false },
    });
    await mirror.until('the first page is read', async () => secondPage.met === 1);
    await mirror.until(
      'the stream is open',
      async () => (await mirror.status()).subscription.state === 'streaming' || (await touch(mirror)),
    );
    return { mirror, release: secondPage.release };
  };

  /** A stream shows that it is open by its first answer; an event brings that about. */
  const touch = async (mirror: LiveMirror): Promise<false> => {
    await mirror.salesforce.create({ Name: 'Marker' });
    return false;
  };

  /** Accounts in the order in which the load reads them: that of their last change. */
  const inReadingOrder = (mirror: LiveMirror): string[] => {
    const stamp = (id: string): number => Number(mirror.simulator.org.record(id)?.values['SystemModstamp']);
    return mirror.accountIds().sort((a, b) => stamp(a) - stamp(b) || (a < b ? -1 : 1));
  };

  const ready = (mirror: LiveMirror) =>
    mirror.until('the load is done', async () => (await mirror.tidemark.request('GET', '/health/ready')).ok);

  it('changes during the load win in records already read and not yet read', async () => {
    const { mirror: live, release } = await openInTheMiddle();
    await using mirror = live;
    const ids = inReadingOrder(mirror);
    const [first = ''] = ids;
    const last = ids.at(-1) ?? '';
    expect(await mirror.accountIfAny(last)).toBeUndefined();
    await mirror.salesforce.update(first, { Phone: 'changed behind the reading' });
    await mirror.salesforce.update(last, { Phone: 'changed before the reading' });
    await mirror.accountWhen(
      last,
      'the event is there',
      ({ fields }) => fields['Phone'] === 'changed before the reading',
    );
    // The page that waits shows the record as it is when it is read, which may be older than the next event.
    release();
    await mirror.salesforce.update(last, { Fax: 'changed during the reading' });
    await ready(mirror);
    await mirror.settled();
    await mirror.healed();
    expect((await mirror.account(first)).fields['Phone']).toBe('changed behind the reading');
    const whole = await mirror.account(last);
    expect(whole.fields).toMatchObject({
      Phone: 'changed before the reading',
      Fax: 'changed during the reading',
    });
    expect(whole).toMatchObject({ name: mirror.simulator.org.record(last)?.values['Name'], stale: false });
    expect((await mirror.status()).counts.accounts.active).toBe(mirror.simulator.org.size);
  });

  it('accounts created and deleted during the load are kept and removed wherever the read is', async () => {
    const { mirror: live, release } = await openInTheMiddle();
    await using mirror = live;
    const ids = inReadingOrder(mirror);
    const [first = ''] = ids;
    const last = ids.at(-1) ?? '';
    const created = await mirror.salesforce.create({ Name: 'Made during the load' });
    await mirror.salesforce.remove(first);
    await mirror.salesforce.remove(last);
    await mirror.accountWhen(
      created,
      'the new account is there',
      ({ name }) => name === 'Made during the load',
    );
    release();
    await ready(mirror);
    await mirror.settled();
    await mirror.healed();
    await mirror.accountWhen(created, 'it has its code', ({ codeState }) => codeState === 'confirmed');
    for (const id of [first, last]) expect((await mirror.account(id)).deletedAt).not.toBeNull();
    for (const id of ids.slice(1, 4)) expect((await mirror.account(id)).deletedAt).toBeNull();
  });

  it('a record changed after it was read keeps its change', async () => {
    const { mirror: live, release } = await openInTheMiddle('hold answer');
    await using mirror = live;
    const last = inReadingOrder(mirror).at(-1) ?? '';
    await mirror.salesforce.update(last, { Phone: '1' });
    await mirror.salesforce.update(last, { Phone: '2' });
    await mirror.accountWhen(last, 'both events are there', ({ fields }) => fields['Phone'] === '2');
    release();
    await ready(mirror);
    await mirror.healed();
    expect((await mirror.account(last)).fields['Phone']).toBe('2');
  });

  it('the load of an org without accounts finishes at once and the first account gets its code', async () => {
    await using mirror = await openMirror({
      gate,
      simulator: { accounts: 0 },
      tidemark: { waitUntilReady: false },
    });
    await ready(mirror);
    expect((await mirror.status()).counts.accounts.active).toBe(0);
    const id = await mirror.salesforce.create({ Name: 'The first' });
    await mirror.accountWhen(id, 'it has its code', ({ codeState }) => codeState === 'confirmed');
  });
});
