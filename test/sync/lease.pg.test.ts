import { beforeEach, describe, expect, it } from 'vitest';
import { expectHeld, LeaseLost, releaseLease, renewLease, takeLease } from '../../src/sync/lease.ts';
import { markQuiet, storeEvents, storeKeepalive } from '../../src/sync/store.ts';
import {
  ensureSubscription,
  forgetPosition,
  setSubscriptionState,
} from '../../src/sync/subscription-rows.ts';
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
    await database.rows('truncate events, subscriptions');
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
      () => forgetPosition(pool, old),
      () => setSubscriptionState(pool, old, 'waiting'),
      () => renewLease(pool, old),
    ];
    for (const write of writes) await expect(write()).rejects.toThrow(LeaseLost);
    await releaseLease(pool, old);
    expect(await row()).toEqual(before);
    // Not even the events are kept that came with the position.
    expect(await database.rows('select event_id from events')).toEqual([{ event_id: 'one' }]);
  });

  it('a released lease has no holder and keeps its epoch', async () => {
    const lease = await takeLease(database.pool, topic, holder(1));
    await releaseLease(database.pool, lease);
    expect(await row()).toMatchObject({ holder: null, held_since: null, state: 'idle', epoch: lease.epoch });
    expect(() => expectHeld(lease, { rowCount: 1 })).not.toThrow();
  });
});
