import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { markQuiet, type RawEvent, storeEvents, storeKeepalive } from '../../src/ingest/store-events.ts';
import { ensureSubscription, readSubscription } from '../../src/ingest/subscription-rows.ts';
import { useDatabase } from '../helpers/use-database.ts';

const topic = '/data/AccountChangeEvent';
const lease = { topic, epoch: 0n };
const event = (given: Partial<RawEvent> = {}): RawEvent => ({
  eventId: randomUUID(),
  schemaId: 'schema',
  replayId: Buffer.from('00000000000000010000', 'hex'),
  payload: Buffer.from('payload'),
  ...given,
});

describe('writes to the event log', () => {
  const database = useDatabase();

  beforeEach(async () => {
    await database.rows('truncate events, event_queue, event_outcomes, subscriptions cascade');
    await ensureSubscription(database.pool, topic, '00D000000000001AAA');
  });

  const position = async () => (await readSubscription(database.pool, topic)).replayId?.toString('hex');
  const keepalivePosition = async () =>
    (await readSubscription(database.pool, topic)).keepaliveReplayId?.toString('hex');
  const quietThrough = async () => {
    const [row] = await database.rows<{ quiet_through: bigint }>('select quiet_through from subscriptions');
    return row?.quiet_through;
  };
  const lastId = async () => (await database.rows<{ id: bigint }>('select max(id) as id from events'))[0]?.id;

  it('events are stored byte for byte in order and the position moves behind the last one', async () => {
    const bytes = Buffer.from([0, 255, 0, 128]);
    const replayId = Buffer.from('00000000000179029000', 'hex');
    const events = [event({ payload: bytes }), event(), event({ replayId })];
    expect(await storeEvents(database.pool, lease, events)).toBe(3);
    const rows = await database.rows<{ event_id: string; payload: Buffer; state: string }>(
      'select event_id, payload, state from event_log order by id',
    );
    expect(rows.map((row) => row.event_id)).toEqual(events.map(({ eventId }) => eventId));
    expect(rows[0]).toMatchObject({ payload: bytes, state: 'stored' });
    expect(await position()).toBe(replayId.toString('hex'));
  });

  it('an event is not stored twice, in one response or in two, and the position moves', async () => {
    const first = event();
    expect(await storeEvents(database.pool, lease, [first, first])).toBe(1);
    const again = { ...first, replayId: Buffer.from('0a', 'hex') };
    expect(await storeEvents(database.pool, lease, [again, event()])).toBe(1);
    expect(await database.rows('select from events')).toHaveLength(2);
    expect(await database.rows('select from event_queue')).toHaveLength(2);
    expect(await storeEvents(database.pool, lease, [again])).toBe(0);
    expect(await position()).toBe('0a');
  });

  it('events that share an id or a replay id and differ in their bytes are stored', async () => {
    const one = event();
    const ungrouped = { ...one, payload: Buffer.from('another record') };
    expect(await storeEvents(database.pool, lease, [one, ungrouped])).toBe(2);
  });

  it('neither events nor position are stored if either can not be written', async () => {
    await storeEvents(database.pool, lease, [event({ replayId: Buffer.from('01', 'hex') })]);
    const impossible = event({ eventId: 'refused', replayId: Buffer.from('02', 'hex') });
    await database.rows(`alter table events add constraint refuse check (event_id <> 'refused')`);
    try {
      await expect(storeEvents(database.pool, lease, [event(), impossible])).rejects.toThrow(/refuse/);
    } finally {
      await database.rows('alter table events drop constraint refuse');
    }
    expect(await database.rows('select from events')).toHaveLength(1);
    expect(await position()).toBe('01');
  });

  it('no event is stored if the position can not be moved', async () => {
    await database.rows(
      `create function refuse() returns trigger language plpgsql as $$ begin raise 'no'; end $$`,
    );
    await database.rows(
      'create trigger refuse before update on subscriptions for each row execute function refuse()',
    );
    try {
      await expect(storeEvents(database.pool, lease, [event()])).rejects.toThrow('no');
    } finally {
      await database.rows('drop trigger refuse on subscriptions');
    }
    expect(await database.rows('select from events')).toEqual([]);
    expect(await position()).toBeUndefined();
  });

  it('a response without events writes nothing', async () => {
    expect(await storeEvents(database.pool, lease, [])).toBe(0);
    expect(await position()).toBeUndefined();
  });

  it('a keepalive moves the position and completes all transactions before it', async () => {
    await storeEvents(database.pool, lease, [event(), event()]);
    expect(await quietThrough()).toBe(0n);
    const before = await position();
    await storeKeepalive(database.pool, lease, Buffer.from('0f', 'hex'));
    expect(await keepalivePosition()).toBe('0f');
    // It may be ahead of events that are still to come.
    expect(await position()).toBe(before);
    expect(await quietThrough()).toBe(await lastId());
  });

  it('a keepalive without a position keeps the stored one', async () => {
    await storeEvents(database.pool, lease, [event({ replayId: Buffer.from('01', 'hex') })]);
    await storeKeepalive(database.pool, lease, Buffer.from('02', 'hex'));
    await storeKeepalive(database.pool, lease, Buffer.alloc(0));
    expect([await position(), await keepalivePosition()]).toEqual(['01', '02']);
  });

  it('silence is stored without moving the position, even if there is no event yet', async () => {
    await markQuiet(database.pool, lease);
    expect(await quietThrough()).toBe(0n);
    await storeEvents(database.pool, lease, [event({ replayId: Buffer.from('01', 'hex') })]);
    await markQuiet(database.pool, lease);
    expect([await quietThrough(), await position()]).toEqual([await lastId(), '01']);
  });

  it('silence on one topic does not count for another', async () => {
    await ensureSubscription(database.pool, '/data/Other__chn', '00D000000000001AAA');
    await storeEvents(database.pool, { ...lease, topic: '/data/Other__chn' }, [event()]);
    await markQuiet(database.pool, lease);
    const rows = await database.rows('select topic, quiet_through from subscriptions order by topic');
    expect(rows.map((row) => row['quiet_through'])).toEqual([0n, 0n]);
  });
});
