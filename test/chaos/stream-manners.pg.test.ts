import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bits } from '../helpers/change-events.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

const phones = (mirror: LiveMirror, count = 10): Promise<unknown[]> =>
  Promise.all(
    mirror
      .accountIds()
      .slice(0, count)
      .map(async (id) => (await mirror.account(id)).fields['Phone']),
  );

/** Gives the first accounts a phone, one event each, and answers what the phones should be. */
const changePhones = (mirror: LiveMirror, prefix: string, count = 10): string[] =>
  mirror
    .accountIds()
    .slice(0, count)
    .map((id) => {
      mirror.inOneTransaction((tx) => tx.update(id, { Phone: `${prefix} ${id.slice(-5)}` }));
      return `${prefix} ${id.slice(-5)}`;
    });

describe('the behavior of a stream', () => {
  let mirror: LiveMirror;
  beforeAll(async () => {
    mirror = await openMirror({ simulator: { accounts: 350, keepaliveIntervalMs: 100 } });
  });
  afterEach(() => void mirror.simulator.faults.clearAll());
  afterAll(() => mirror[Symbol.asyncDispose]());

  it('a slow stream with one event per response delivers every event in order', async () => {
    const { slow, smallBatches } = mirror.simulator.faults.stream;
    smallBatches.on();
    slow.on({ delayMs: 5 });
    changePhones(mirror, 'first');
    const expected = changePhones(mirror, 'second');
    await mirror.settled();
    expect(await phones(mirror)).toEqual(expected);
  });

  it('a stream delivers many times its credit when more is requested', async () => {
    const expected = changePhones(mirror, 'of 350', 350);
    await mirror.settled();
    expect(await phones(mirror, 350)).toEqual(expected);
  });

  it('a stream with responses of megabytes is read as any other', async () => {
    const ids = mirror.accountIds().slice(0, 5);
    const long = 'x'.repeat(700_000);
    ids.forEach((id, index) => {
      mirror.publish({
        header: { recordIds: [id], changedFields: bits('Description') },
        fields: { Description: `${index}${long}` },
      });
    });
    await mirror.settled();
    for (const [index, id] of ids.entries()) {
      expect((await mirror.account(id)).fields['Description']).toBe(`${index}${long}`);
    }
  });

  it('a stream that delivers more than was requested loses none of it and gets more requests', async () => {
    mirror.simulator.faults.stream.overdeliver.on({ events: 20 });
    const expected = changePhones(mirror, 'beyond the credit', 260);
    await mirror.settled();
    expect(await phones(mirror, 260)).toEqual(expected);
  });

  it('a stream that announces a position ahead of its events delivers them', async () => {
    mirror.simulator.faults.stream.keepaliveAhead.on({ holdMs: 20 });
    const expected = changePhones(mirror, 'announced');
    await mirror.settled();
    expect(await phones(mirror)).toEqual(expected);
  });

  it('a stream that ends after announcing a position ahead of its events loses none of them', async () => {
    // The event of a code that is written back would be withheld in place of the changes.
    await mirror.codesConfirmed();
    const before = (await mirror.status()).subscription.position;
    mirror.simulator.faults.stream.keepaliveAhead.on({ holdMs: 60_000, times: 1 });
    const expected = changePhones(mirror, 'withheld');
    await mirror.until('the position ahead is announced', async () => {
      return (await mirror.status()).subscription.position !== before;
    });
    mirror.simulator.disconnectStreams();
    await mirror.until('the withheld events are here', async () => {
      const now = await phones(mirror);
      return JSON.stringify(now) === JSON.stringify(expected);
    });
  });

  it('a quiet stream advances its position, which keeps it inside the retention', async () => {
    const position = async () => (await mirror.status()).subscription.position;
    // The event of a code that is written back would move the position too.
    await mirror.codesConfirmed();
    const before = await position();
    mirror.simulator.bus.advance();
    const latest = mirror.simulator.bus.latestReplayId().toString('base64');
    expect(latest).not.toBe(before);
    await mirror.until('the position has moved', async () => (await position()) === latest);
  });

  it('a stream that falls silent without ending is closed and reopened', async () => {
    await using mirror = await openMirror({
      simulator: { keepaliveIntervalMs: 100 },
      tidemark: { timing: { streamSilenceTimeoutMs: 500 } },
    });
    const { silence } = mirror.simulator.faults.stream;
    silence.on();
    const expected = changePhones(mirror, 'into the silence');
    await mirror.until(
      'the silence is noticed',
      async () => (await mirror.status()).subscription.lastError?.code === 'stream.silent',
    );
    silence.off();
    await mirror.settled();
    expect(await phones(mirror)).toEqual(expected);
  });

  it('a half-open connection is detected by a ping and reopened', async () => {
    await using mirror = await openMirror({
      simulator: { networkFaults: true },
      tidemark: { timing: { pingIntervalMs: 500, pingTimeoutMs: 500 } },
    });
    const { halfOpen } = mirror.simulator.faults.stream;
    halfOpen.on();
    const expected = changePhones(mirror, 'into the void');
    await mirror.until(
      'the dead connection is noticed',
      async () => (await mirror.status()).subscription.lastError !== null,
    );
    halfOpen.off();
    await mirror.settled();
    expect(await phones(mirror)).toEqual(expected);
  });

  it('a refused position causes one fallback, a read of what changed, and a closed incident', async () => {
    const [id = ''] = mirror.accountIds();
    await mirror.salesforce.update(id, { Phone: 'told' });
    await mirror.settled();
    mirror.changeSilently(id, { Industry: 'not reported' });
    const { corruptReplayId } = mirror.simulator.faults.stream;
    corruptReplayId.on({ times: 1 });
    mirror.simulator.disconnectStreams();
    await mirror.settled();
    await mirror.healed();
    expect(corruptReplayId.isOn).toBe(false);
    expect((await mirror.account(id)).fields).toMatchObject({ Phone: 'told', Industry: 'not reported' });
    expect(await mirror.incidents()).toMatchObject([
      { cause: 'position lost', extent: 'since', state: 'closed' },
    ]);
    const ids = (await mirror.events('')).map(({ eventId }) => eventId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('a position refused repeatedly is never requested twice', async () => {
    const { corruptReplayId } = mirror.simulator.faults.stream;
    const before = (await mirror.incidents()).length;
    corruptReplayId.on();
    mirror.simulator.disconnectStreams();
    await mirror.settled();
    await mirror.healed();
    // A stream from the oldest event has no position to refuse.
    expect(corruptReplayId.active()[0]?.struck).toBe(1);
    expect(await mirror.incidents()).toHaveLength(before + 1);
  });
});
