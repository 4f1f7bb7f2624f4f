import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../src/pubsub/failures.ts';
import { eventually } from '../eventually.ts';
import { useFaultSimulator } from './fault-simulator.ts';

const TOPIC = '/data/AccountChangeEvent';
const PREFIX = 'sfdc.platform.eventbus.grpc.';
const handle = useFaultSimulator({ keepaliveIntervalMs: 40 });
const { connect, create, subscribe } = handle;
const stream = () => handle.simulator.faults.stream;

/** A subscription that has received all there is. */
async function opened() {
  await create();
  const subscription = subscribe({ replayPreset: 'EARLIEST' });
  await subscription.received(1);
  return subscription;
}

/** The replay ids of everything retained, oldest first. */
function retained(): Buffer[] {
  return handle.simulator.bus.retained().flatMap(({ event, replayId }) => (event === null ? [] : replayId));
}

describe('faults of open streams', () => {
  it('a stream ends cleanly', async () => {
    const subscription = await opened();
    expect(stream().end.now().streams).toBe(1);
    await subscription.cleanEnd();
  });

  it.each(Object.entries(ERROR_CODES))('a stream ends with %s under its status', async (errorCode, code) => {
    const subscription = await opened();
    stream().end.now({ errorCode });
    const failure = await subscription.failure();
    expect(failure.metadata.get('error-code')).toEqual([PREFIX + errorCode]);
    expect(failure.code).toBe(code);
  });

  it('a stream ends with a status that does not match its error code', async () => {
    const subscription = await opened();
    stream().end.now({ errorCode: 'service.unavailable', status: 'UNAVAILABLE' });
    expect(await subscription.failure()).toMatchObject({ code: status.UNAVAILABLE });
  });

  it('a stream is reset and its connection accepts another', async () => {
    await create();
    const client = connect();
    const subscription = client.subscribe({ replayPreset: 'EARLIEST' });
    await subscription.received(1);
    expect(stream().reset.now().streams).toBe(1);
    expect((await subscription.failure()).details).toMatch(/RST_STREAM/);
    await client.subscribe({ replayPreset: 'EARLIEST' }).received(1);
  });

  it('a connection receives GOAWAY and ENHANCE_YOUR_CALM', async () => {
    const subscription = await opened();
    expect(stream().goAway.now({ code: 'ENHANCE_YOUR_CALM' }).connections).toBeGreaterThan(0);
    expect((await subscription.failure()).code).not.toBe(status.OK);
    const another = await opened();
    stream().goAway.now();
    expect((await another.failure()).code).not.toBe(status.OK);
  });

  it('a stream is cut off without notice', async () => {
    const subscription = await opened();
    expect(stream().cut.now().connections).toBeGreaterThan(0);
    expect((await subscription.failure()).code).toBe(status.UNAVAILABLE);
    await opened();
  });

  it('a stream falls silent without keepalives and continues later', async () => {
    const subscription = await opened();
    await eventually('a keepalive', () => subscription.responses.length > 1);
    const { off } = stream().silence.on();
    const before = subscription.responses.length;
    const client = connect();
    const talking = client.subscribe({ replayPreset: 'EARLIEST' });
    await create();
    // Responses on one connection are in order: an event would have arrived before these.
    for (let count = 0; count < 3; count += 1) await client.getTopic(TOPIC);
    expect(talking.responses).toEqual([]);
    expect(subscription.responses).toHaveLength(before);
    off();
    await subscription.received(subscription.events().length + 1);
    await talking.received(retained().length);
  });

  it('a stream delivers slowly', async () => {
    await create();
    stream().slow.on({ delayMs: 400, times: 1 });
    const slow = subscribe({ replayPreset: 'EARLIEST' });
    await eventually('the slow one is held', () => !stream().slow.isOn);
    await subscribe({ replayPreset: 'EARLIEST' }).received(1);
    expect(slow.events()).toEqual([]);
    await slow.received(retained().length);
  });

  it('a stream sends one event per response', async () => {
    for (let count = 0; count < 3; count += 1) await create();
    stream().smallBatches.on();
    const subscription = subscribe({ replayPreset: 'EARLIEST' });
    await subscription.received(3);
    const sizes = subscription.responses.map(({ events }) => events.length).filter((size) => size > 0);
    expect(new Set(sizes)).toEqual(new Set([1]));
  });

  it('a stream announces a position after events that are not delivered yet', async () => {
    const subscription = await opened();
    stream().keepaliveAhead.on({ holdMs: 30 });
    const known = subscription.events().length;
    const before = subscription.responses.length;
    await create();
    const newest = retained().at(-1);
    const last = (await subscription.received(known + 1)).at(-1);
    expect(last?.replayId).toEqual(newest);
    const came = subscription.responses.slice(before);
    const ahead = came.findIndex(({ latestReplayId }) => newest?.equals(latestReplayId));
    expect(came[ahead]?.events).toEqual([]);
    expect(came.findIndex(({ events }) => events.length > 0)).toBeGreaterThan(ahead);
  });

  it('a stream delivers more than was requested', async () => {
    for (let count = 0; count < 4; count += 1) await create();
    stream().overdeliver.on({ events: 2, times: 1 });
    const subscription = subscribe({ replayPreset: 'EARLIEST', numRequested: 1 });
    await subscription.received(3);
    expect(subscription.responses[0]).toMatchObject({ pendingNumRequested: 0 });
    subscription.request({ numRequested: 1 });
    expect(await subscription.received(4)).toHaveLength(4);
  });
});

describe('faults of subscriptions at a replay id', () => {
  it('a subscription receives the events before its replay id again', async () => {
    for (let count = 0; count < 4; count += 1) await create();
    const ids = retained();
    stream().duplicates.on({ events: 2, times: 1 });
    const replayId = ids.at(-2) ?? Buffer.alloc(0);
    const again = await subscribe({ replayPreset: 'CUSTOM', replayId }).received(3);
    expect(again.map((event) => event.replayId)).toEqual(ids.slice(-3));
    const plain = await subscribe({ replayPreset: 'CUSTOM', replayId }).received(1);
    expect(plain.map((event) => event.replayId)).toEqual(ids.slice(-1));
  });

  it('a replay id is refused as corrupted a given number of times', async () => {
    await create();
    const replayId = retained().at(-1) ?? Buffer.alloc(0);
    stream().corruptReplayId.on({ times: 2 });
    for (let count = 0; count < 2; count += 1) {
      const failure = await subscribe({ replayPreset: 'CUSTOM', replayId }).failure();
      expect(failure.metadata.get('error-code')).toEqual([`${PREFIX}subscription.fetch.replayid.corrupted`]);
    }
    const subscription = subscribe({ replayPreset: 'CUSTOM', replayId });
    await create();
    await subscription.received(1);
  });

  it('a replay id expires together with all retained events', async () => {
    const subscription = await opened();
    const replayId = retained().at(-1) ?? Buffer.alloc(0);
    expect(stream().expire.now().events).toBeGreaterThan(0);
    const failure = await subscribe({ replayPreset: 'CUSTOM', replayId }).failure();
    expect(failure.metadata.get('error-code')).toEqual([`${PREFIX}subscription.fetch.replayid.corrupted`]);
    await create();
    await subscription.received(subscription.events().length + 1);
    expect(await subscribe({ replayPreset: 'EARLIEST' }).received(1)).toHaveLength(1);
  });

  it('a replay id may follow traffic of other orgs', async () => {
    await create();
    const { latestReplayId } = stream().advance.now();
    const replayId = Buffer.from(latestReplayId, 'base64');
    expect(replayId).not.toEqual(retained().at(-1));
    const subscription = subscribe({ replayPreset: 'CUSTOM', replayId });
    await create();
    expect(await subscription.received(1)).toHaveLength(1);
  });
});

describe('faults of Pub/Sub API calls', () => {
  it('calls are refused for missing authentication', async () => {
    stream().refuse.on({ times: 3 });
    const client = connect();
    await expect(client.getTopic(TOPIC)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(client.getSchema('x')).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const failure = await client.subscribe({ replayPreset: 'LATEST' }).failure();
    expect(failure.metadata.get('error-code')).toEqual([`${PREFIX}service.auth.error`]);
    expect((await client.getTopic(TOPIC)).topicName).toBe(TOPIC);
  });

  it('only one kind of call is refused', async () => {
    stream().refuse.on({ calls: ['GetSchema'], errorCode: 'schema.api.unavailable', times: 1 });
    const client = connect();
    const { schemaId } = await client.getTopic(TOPIC);
    await expect(client.getSchema(schemaId)).rejects.toMatchObject({ code: status.UNAVAILABLE });
    expect((await client.getSchema(schemaId)).schemaId).toBe(schemaId);
  });

  it('calls are delayed', async () => {
    stream().slowCalls.on({ calls: ['GetTopic'], delayMs: 400, times: 1 });
    const client = connect();
    let answered = false;
    const slow = client.getTopic(TOPIC).then(() => {
      answered = true;
    });
    await client.getTopic(TOPIC);
    expect(answered).toBe(false);
    await slow;
  });
});
