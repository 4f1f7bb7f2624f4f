import { beforeEach, describe, expect, it } from 'vitest';
import { expectHeld, LeaseLostError, releaseLease, renewLease, takeLease } from '../../src/db/lease.ts';
import { markQuiet, storeEvents, storeKeepalive } from '../../src/ingest/store-events.ts';
import {
  clearPosition,
  ensureSubscription,
  setSubscriptionState,
} from '../../src/ingest/subscription-rows.ts';
import { useDatabase } from '../helpers/use-database.ts';

const topic = '/data/AccountChangeEvent';
const event = {
  eventId: 'one',
  schemaId: 'schema',
  replayId: Buffer.from('0b', 'hex'),
  payload: Buffer.from('x'),
};

describe('the lease of a topic', () => {
  const database = useDatabase();
  const holder = (pid: number) => ({ name: 'a', host: 'here', pid });
  const row = async () => (await database.rows('select * from subscriptions'))[0];

  beforeEach(async () => {
    await database.rows('truncate events, event_queue, event_outcomes, subscriptions');
    await ensureSubscription(database.pool, topic, '00D000000000001AAA');
  });

  it('a lease names its holder and each acquisition starts a new epoch', async () => {
    const first = await takeLease(database.pool, topic, holder(1));
    const second = await takeLease(database.pool, topic, holder(2));
    expect(second.epoch).toBe(first.epoch + 1n);
    expect(await row()).toMatchObject({ holder: holder(2), held_since: expect.any(Date) });
  });

  it('a process of an earlier epoch can not change anything', async () => {
    const old = await takeLease(database.pool, topic, holder(1));
    await storeEvents(database.pool, old, [{ ...event, replayId: Buffer.from('0a', 'hex') }]);
    await takeLease(database.pool, topic, holder(2));
    const before = await row();
    const { pool } = database;
    const writes = [
      () => storeEvents(pool, old, [{ ...event, eventId: 'two' }]),
      () => storeKeepalive(pool, old, Buffer.from('0c', 'hex')),
      () => markQuiet(pool, old),
      () => clearPosition(pool, old),
      () => setSubscriptionState(pool, old, 'waiting'),
      () => renewLease(pool, old),
    ];
    for (const write of writes) await expect(write()).rejects.toThrow(LeaseLostError);
    await releaseLease(pool, old);
    expect(await row()).toEqual(before);
    // Not even the events are kept that came with the position.
    expect(await database.rows('select event_id from events')).toEqual([{ event_id: 'one' }]);
  });

  it('a renewed lease keeps the mirror current only while nothing is left on the bus or in the log', async () => {
    const lease = await takeLease(database.pool, topic, holder(1));
    const moved = async (): Promise<boolean> => {
      await database.rows(`update subscriptions set current_at = 'epoch'`);
      await renewLease(database.pool, lease);
      return Number((await row())?.['current_at']) > 0;
    };
    expect(await moved(), 'before the stream is open').toBe(false);
    await setSubscriptionState(database.pool, lease, 'streaming');
    expect(await moved(), 'before anything proves that it has caught up').toBe(false);
    await storeKeepalive(database.pool, lease, Buffer.from('0a', 'hex'));
    expect(await moved(), 'after a keepalive').toBe(true);
    await database.rows(
      `update subscriptions set live_at = live_at - interval '1 ms', state_since = 'epoch'`,
    );
    await storeEvents(database.pool, lease, [event]);
    await database.rows('delete from event_queue');
    expect(await moved(), 'after an event, behind which others may wait').toBe(false);
    await markQuiet(database.pool, lease);
    expect(await moved(), 'after silence').toBe(true);
    await database.rows(
      'insert into event_queue (topic, event_id, received_at) select topic, id, received_at from events',
    );
    expect(await moved(), 'while an event waits to be applied').toBe(false);
    await storeKeepalive(database.pool, lease, Buffer.from('0c', 'hex'));
    expect(Number((await row())?.['current_at']), 'after a keepalive while an event waits').toBe(0);
  });

  it('a released lease has no holder and keeps its epoch', async () => {
    const lease = await takeLease(database.pool, topic, holder(1));
    await releaseLease(database.pool, lease);
    expect(await row()).toMatchObject({ holder: null, held_since: null, state: 'idle', epoch: lease.epoch });
    expect(() => expectHeld(lease, { rowCount: 1 })).not.toThrow();
  });
});
