import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

describe('the end of a stream', () => {
  let mirror: LiveMirror;
  let id: string;

  beforeAll(async () => {
    mirror = await openMirror({
      simulator: { networkFaults: true, keepaliveIntervalMs: 50 },
      // Each stream that has delivered something resets the backoff.
      tidemark: { timing: { streamProvenMs: 1 } },
    });
    id = mirror.accountIds()[0] ?? '';
  });

  afterAll(() => mirror[Symbol.asyncDispose]());

  const subscription = async () => (await mirror.status()).subscription;
  const { end, reset, goAway, cut } = {
    end: (errorCode: string) => mirror.simulator.faults.stream.end.now({ errorCode }),
    reset: (code: 'NO_ERROR' | 'INTERNAL_ERROR') => mirror.simulator.faults.stream.reset.now({ code }),
    goAway: () => mirror.simulator.faults.stream.goAway.now(),
    cut: () => mirror.simulator.faults.stream.cut.now(),
  };
  /** A change that comes through says that the stream is back. */
  const goesOn = async (phone: string): Promise<void> => {
    await mirror.salesforce.update(id, { Phone: phone });
    await mirror.accountWhen(id, 'the change came through', ({ fields }) => fields['Phone'] === phone);
    expect((await subscription()).state).toBe('streaming');
  };

  it.each([
    { way: 'cleanly', happens: () => mirror.simulator.faults.stream.end.now(), code: 'stream.ended' },
    { way: 'by RST_STREAM NO_ERROR', happens: () => reset('NO_ERROR'), code: undefined },
    { way: 'by RST_STREAM INTERNAL_ERROR', happens: () => reset('INTERNAL_ERROR'), code: undefined },
    { way: 'by GOAWAY NO_ERROR', happens: () => goAway(), code: undefined },
    { way: 'by a cut connection', happens: () => cut(), code: undefined },
  ])(
    'a stream that ends $way is followed by the next one from the stored position',
    async ({ way, happens, code }) => {
      const before = await subscription();
      expect(Object.values(happens())[0]).toBeGreaterThan(0);
      await goesOn(way);
      const { lastError } = await subscription();
      expect(lastError).not.toEqual(before.lastError);
      if (code !== undefined) expect(lastError).toMatchObject({ code });
      expect(await mirror.incidents()).toEqual([]);
    },
  );

  it.each([
    'service.unavailable',
    'topic.api.unavailable',
    'schema.api.unavailable',
    'subscription.fetch.replay.repeated',
    'subscription.internal.error',
    'something.nobody.knows',
  ])('a stream that ends with %s is followed by the next one after a moment', async (code) => {
    end(code);
    await goesOn(code);
    expect((await subscription()).lastError).toMatchObject({ code, class: 'transient' });
  });

  it('streams that end repeatedly leave one open at a time and deliver each change once', async () => {
    const flaps = ['one', 'two', 'three'];
    for (const flap of flaps) {
      await goesOn(flap);
      expect(mirror.simulator.faults.stream.end.now()).toEqual({ streams: 1 });
    }
    await goesOn('four');
    const stored = await mirror.sql('select event_id from events');
    expect(new Set(stored.map((row) => row['event_id'])).size).toBe(stored.length);
  });

  it('a stream that ends with service.auth.error is followed by one with a new token', async () => {
    mirror.simulator.sessions.revokeAll();
    end('service.auth.error');
    const { lastError } = await mirror.until('a fresh token is used', async () => {
      const now = await subscription();
      return now.state === 'streaming' && now.lastError?.code === 'service.auth.error' && now;
    });
    expect(lastError).toMatchObject({ class: 'auth' });
  });
});
