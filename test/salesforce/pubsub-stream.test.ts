import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import { type Org, openOrg } from '../../src/salesforce/org.ts';
import {
  maxCredit,
  openPullStream,
  type PullStream,
  type ReplayFrom,
} from '../../src/salesforce/pubsub-stream.ts';
import { eventually } from '../helpers/eventually.ts';
import { startOrgElsewhere } from '../helpers/org-elsewhere.ts';
import { accountTopic, currentSchema, inOrg, openSimulatorOrg } from '../helpers/simulator-org.ts';

const patience = 10_000;

describe('the pull stream', () => {
  let simulator: Simulator;
  let org: Org;
  const open: PullStream[] = [];

  beforeEach(async () => {
    simulator = await startSimulator();
    org = await openSimulatorOrg(simulator);
  });
  afterEach(async () => {
    for (const stream of open.splice(0)) stream.close();
    org.close();
    await simulator.close();
  });

  const follow = (from: ReplayFrom, credit = maxCredit, topic = accountTopic): PullStream => {
    const stream = openPullStream(org.pubsub, topic, from);
    open.push(stream);
    if (credit > 0) stream.grant(credit);
    return stream;
  };
  const create = (count: number, from = 1): void => {
    for (let index = from; index < from + count; index++)
      inOrg(simulator).create({ Name: `Account ${index}` });
  };
  const receive = async (stream: PullStream, count: number) => {
    const events: { name: unknown; replayId: Buffer }[] = [];
    const schema = currentSchema(simulator);
    while (events.length < count) {
      const response = await stream.next(patience);
      if (response === undefined) throw new Error(`only ${events.length} of ${count} events came`);
      for (const { event, replayId } of response.events) {
        events.push({ name: decodeChangeEvent(event.payload, schema).values.get('Name'), replayId });
      }
    }
    return events;
  };
  const names = (count: number, from = 1) =>
    Array.from({ length: count }, (_, index) => `Account ${from + index}`);
  const namesOf = (events: readonly { name: unknown }[]) => events.map(({ name }) => name);

  it('the stream delivers no more than was requested and the rest on request', async () => {
    create(25);
    const stream = follow({ preset: 'EARLIEST' }, 10);
    expect(namesOf(await receive(stream, 10))).toEqual(names(10));
    expect(stream.outstanding).toBe(0);
    // The simulator sends at once what it may send: silence shows that it may not.
    expect(await stream.next(100)).toBeUndefined();
    stream.grant(15);
    expect(stream.outstanding).toBe(15);
    expect(namesOf(await receive(stream, 15))).toEqual(names(15, 11));
  });

  it('the stream delivers everything in order however much waits', async () => {
    create(350);
    const stream = follow({ preset: 'EARLIEST' }, 0);
    stream.keepCredit();
    const got: unknown[] = [];
    while (got.length < 350) {
      const response = await stream.next(patience);
      const schema = currentSchema(simulator);
      for (const { event } of response?.events ?? []) {
        got.push(decodeChangeEvent(event.payload, schema).values.get('Name'));
      }
      expect(stream.outstanding).toBeLessThanOrEqual(maxCredit);
    }
    expect(got).toEqual(names(350));
  });

  it('a stream with kept credit requests no more while 400 events wait to be taken', async () => {
    create(700);
    const stream = follow({ preset: 'EARLIEST' }, 0);
    stream.keepCredit();
    await eventually('no credit is left', () => stream.outstanding === 0);
    const first = await stream.next(patience);
    expect(first?.events.length).toBeGreaterThanOrEqual(400);
    expect(first?.events.length).toBeLessThanOrEqual(500);
    expect(namesOf(await receive(stream, 700 - (first?.events.length ?? 0))).at(-1)).toBe('Account 700');
  });

  it('a stream from the end delivers only what comes after its first response', async () => {
    org.close();
    await simulator.close();
    simulator = await startSimulator({ keepaliveIntervalMs: 20 });
    org = await openSimulatorOrg(simulator);
    create(3);
    const stream = follow({ preset: 'LATEST' });
    expect(await stream.next(patience)).toMatchObject({ events: [], pendingNumRequested: maxCredit });
    create(1, 4);
    expect(namesOf(await receive(stream, 1))).toEqual(['Account 4']);
  });

  it.each([10, 8])('the stream continues after a replay id of %i bytes', async (length) => {
    create(5);
    const [, , third] = await receive(follow({ preset: 'EARLIEST' }), 5);
    const replayId = third?.replayId.subarray(0, length) ?? Buffer.alloc(0);
    expect(replayId).toHaveLength(length);
    expect(namesOf(await receive(follow({ preset: 'CUSTOM', replayId }), 2))).toEqual(names(2, 4));
  });

  it('a wait without a response gives undefined and leaves the stream usable', async () => {
    const stream = follow({ preset: 'LATEST' });
    expect(await stream.next(1)).toBeUndefined();
    expect(await stream.next(1)).toBeUndefined();
    const coming = stream.next(patience);
    // The subscription may not have reached the org yet, so it is given something until it brings something.
    const writing = setInterval(() => create(1), 10);
    expect((await coming)?.events.length).toBeGreaterThan(0);
    clearInterval(writing);
  });

  it('the stream gives what has arrived before it reports its end', async () => {
    create(2);
    const stream = follow({ preset: 'EARLIEST' });
    await receive(stream, 2);
    create(1, 3);
    simulator.disconnectStreams();
    const ending = async () => {
      const got: unknown[] = [];
      for (;;) {
        try {
          const response = await stream.next(patience);
          got.push(...(response?.events ?? []));
        } catch (error) {
          return { got: got.length, error };
        }
      }
    };
    expect(await ending()).toMatchObject({ error: { code: 'stream.ended', failure: 'transient' } });
    await expect(stream.next(patience)).rejects.toMatchObject({ code: 'stream.ended' });
  });

  it.each([
    ['service.unavailable', 'transient'],
    ['subscription.limit.exceeded', 'quota'],
    ['service.auth.error', 'auth'],
    ['subscription.fetch.replayid.corrupted', 'data'],
  ])('a stream that ends with %s reports it at every further call', async (code, failure) => {
    create(1);
    const stream = follow({ preset: 'EARLIEST' });
    await receive(stream, 1);
    simulator.disconnectStreams(code);
    await expect(stream.next(patience)).rejects.toMatchObject({ code, failure });
    await expect(stream.next(patience)).rejects.toMatchObject({ code, failure });
  });

  it.each<[string, ReplayFrom, string, string, string]>([
    [
      'an unknown replay id',
      { preset: 'CUSTOM', replayId: Buffer.from('ffffffffffffffff0000', 'hex') },
      accountTopic,
      'subscription.fetch.replayid.corrupted',
      'data',
    ],
    [
      'a replay id of an odd length',
      { preset: 'CUSTOM', replayId: Buffer.from('ff', 'hex') },
      accountTopic,
      'subscription.fetch.replayid.corrupted',
      'data',
    ],
    [
      'no replay id',
      { preset: 'CUSTOM', replayId: Buffer.alloc(0) },
      accountTopic,
      'subscription.fetch.replayid.validation.failed',
      'data',
    ],
    ['a topic that is not there', { preset: 'LATEST' }, '/data/Nothing__chn', 'topic.not.found', 'config'],
  ])('a stream from %s is refused', async (_, from, topic, code, failure) => {
    await expect(follow(from, maxCredit, topic).next(patience)).rejects.toMatchObject({ code, failure });
  });

  it('a stream with an expired token is refused', async () => {
    simulator.sessions.revokeAll();
    await expect(follow({ preset: 'LATEST' }).next(patience)).rejects.toMatchObject({
      code: 'service.auth.error',
      failure: 'auth',
    });
  });

  it('a stream reopened from its last event misses nothing and repeats nothing', async () => {
    const seen: unknown[] = [];
    let from: ReplayFrom = { preset: 'EARLIEST' };
    for (let round = 0; round < 4; round++) {
      const stream = follow(from);
      create(10, round * 10 + 1);
      const events = await receive(stream, 10);
      seen.push(...namesOf(events));
      from = { preset: 'CUSTOM', replayId: events.at(-1)?.replayId ?? Buffer.alloc(0) };
      simulator.disconnectStreams(round % 2 === 0 ? 'service.unavailable' : undefined);
      await expect(stream.next(patience)).rejects.toMatchObject({ failure: 'transient' });
    }
    expect(seen).toEqual(names(40));
  });

  it('closing a stream ends the wait for it', async () => {
    const stream = follow({ preset: 'LATEST' });
    const waiting = stream.next(patience);
    stream.close();
    await expect(waiting).rejects.toMatchObject({ code: 'stream.closed' });
    stream.close();
  });
});

describe('the pull stream of a paused process', () => {
  it('events that arrive during a pause of the process are not taken for silence', async () => {
    const elsewhere = await startOrgElsewhere();
    const org = await openOrg(elsewhere.options);
    const stream = openPullStream(org.pubsub, accountTopic, { preset: 'EARLIEST' });
    try {
      stream.grant(maxCredit);
      elsewhere.createAndHoldUp(0);
      expect((await stream.next(patience))?.events).toHaveLength(1);
      const coming = stream.next(50);
      elsewhere.createAndHoldUp(200);
      expect((await coming)?.events).toHaveLength(1);
    } finally {
      stream.close();
      org.close();
      await elsewhere.stop();
    }
  });
});
