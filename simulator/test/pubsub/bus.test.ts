import { beforeEach, describe, expect, it } from 'vitest';
import { type Bus, createBus } from '../../src/pubsub/bus.ts';
import { counterOf, toReplayId } from '../../src/pubsub/bus-events.ts';

const HOUR_MS = 60 * 60 * 1000;
const TOPIC = '/data/AccountChangeEvent';
const everything = { events: 1000, bytes: 1_000_000 };

describe('the event bus', () => {
  let time = 0;
  let bus: Bus;
  beforeEach(() => {
    time = Date.UTC(2026, 10, 23);
    bus = createBus({ now: () => time });
    bus.addTopic({ name: TOPIC, carries: new Set([TOPIC]), schemaId: () => '' });
    bus.addTopic({ name: '/data/Other', carries: new Set(['/data/Other']), schemaId: () => '' });
  });

  const publish = (id: string, replayId?: Uint8Array) =>
    bus.publishRaw(TOPIC, { id, schemaId: 's', payload: Buffer.from(id), ...(replayId && { replayId }) });
  const idsFrom = (position: number | undefined) =>
    bus.read(TOPIC, position ?? Number.NaN, everything).events.map((event) => event.id);

  it('replay ids are ten bytes long and grow with gaps', () => {
    const ids = Array.from({ length: 20 }, (_, index) => publish(String(index)));
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([10]));
    expect(ids.every((id) => id.subarray(8).equals(Buffer.alloc(2)))).toBe(true);
    const steps = ids
      .slice(1)
      .map((id, index) => (counterOf(id) ?? 0n) - (counterOf(ids[index] ?? id) ?? 0n));
    expect(new Set(steps)).toEqual(new Set([1n, 4n]));
  });

  it('a read starts strictly after the replay id', () => {
    publish('a');
    const replayId = publish('b');
    publish('c');
    expect(idsFrom(bus.after(replayId))).toEqual(['c']);
    expect(idsFrom(bus.after(replayId.subarray(0, 8)))).toEqual(['c']);
    expect(idsFrom(bus.earliest())).toEqual(['a', 'b', 'c']);
    expect(idsFrom(bus.latest())).toEqual([]);
  });

  it('a read starts after all events that share the replay id', () => {
    const replayId = publish('a');
    publish('b', replayId);
    publish('c', replayId);
    publish('d');
    expect(idsFrom(bus.after(replayId))).toEqual(['d']);
  });

  it('the bus rejects a replay id that it never reached or that is malformed', () => {
    const replayId = publish('a');
    expect(bus.after(toReplayId((counterOf(replayId) ?? 0n) + 1n))).toBeUndefined();
    expect(bus.after(Buffer.from('00000000000f42410001', 'hex'))).toBeUndefined();
    expect(bus.after(Buffer.from('xyz'))).toBeUndefined();
    expect(() => publish('b', toReplayId(1n))).toThrow(RangeError);
  });

  it('the bus forgets events and their replay ids after 72 hours', () => {
    const first = publish('a');
    time += 72 * HOUR_MS;
    const second = publish('b');
    expect(idsFrom(bus.after(first))).toEqual(['b']);
    time += 1;
    expect(bus.after(first)).toBeUndefined();
    expect(idsFrom(bus.earliest())).toEqual(['b']);
    expect(idsFrom(bus.after(second))).toEqual([]);
  });

  it('the newest replay id advances when nothing happens for hours', () => {
    const replayId = publish('a');
    expect(bus.latestReplayId()).toEqual(replayId);
    time += 2 * HOUR_MS;
    const later = bus.latestReplayId();
    expect(later).not.toEqual(replayId);
    time += 71 * HOUR_MS;
    expect(bus.after(replayId)).toBeUndefined();
    expect(idsFrom(bus.after(later))).toEqual([]);
  });

  it('topics have separate events', () => {
    publish('a');
    bus.publishRaw('/data/Other', { id: 'o', schemaId: 's', payload: Buffer.alloc(1) });
    expect(idsFrom(bus.earliest())).toEqual(['a']);
    expect(() =>
      bus.publishRaw('/data/Nope', { id: 'x', schemaId: 's', payload: Buffer.alloc(1) }),
    ).toThrow();
  });

  it('a batch ends at its limits and the next one continues from there', () => {
    for (const id of ['a', 'b', 'c']) publish(id);
    const batch = bus.read(TOPIC, bus.earliest(), { events: 2, bytes: 1_000_000 });
    expect(batch.events.map((event) => event.id)).toEqual(['a', 'b']);
    expect(idsFrom(batch.next)).toEqual(['c']);
    const single = bus.read(TOPIC, bus.earliest(), { events: 100, bytes: 1 });
    expect(single.events.map((event) => event.id)).toEqual(['a']);
    expect(idsFrom(single.next)).toEqual(['b', 'c']);
  });

  it('listeners are notified of every append until they stop listening', () => {
    let calls = 0;
    const stop = bus.onAppend(() => {
      calls += 1;
    });
    publish('a');
    stop();
    publish('b');
    expect(calls).toBe(1);
  });
});
