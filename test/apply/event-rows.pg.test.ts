import { randomBytes, randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type EventOutcome,
  readStoredEvents,
  readWaitingSources,
  saveEventOutcomes,
  takeFromQueue,
} from '../../src/apply/event-rows.ts';
import { lockAccountWrites } from '../../src/db/advisory-locks.ts';

import { inTransaction } from '../../src/db/database.ts';
import { markQuiet, storeEvents } from '../../src/ingest/store-events.ts';
import { storeNotices } from '../../src/ingest/store-webhooks.ts';
import { ensureSubscription } from '../../src/ingest/subscription-rows.ts';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import { bits, encodeEvent, testSchema } from '../helpers/change-events.ts';
import { eventually } from '../helpers/eventually.ts';
import { useDatabase } from '../helpers/use-database.ts';

const topic = '/data/AccountChangeEvent';
const lease = { topic, epoch: 0n };
const plenty = { events: 1_000, bytes: 1_000_000 };

describe('the event log', () => {
  const database = useDatabase();

  beforeEach(async () => {
    await database.rows('truncate events, event_queue, event_outcomes, subscriptions cascade');
    await ensureSubscription(database.pool, topic, '00D000000000001AAA');
  });

  const store = (count: number): Promise<number> =>
    storeEvents(
      database.pool,
      lease,
      Array.from({ length: count }, () => ({
        eventId: randomUUID(),
        schemaId: 'schema',
        replayId: null,
        payload: encodeEvent(),
      })),
    );
  const idsOf = async () =>
    (await database.rows<{ id: bigint }>('select id from events order by id')).map(({ id }) => id);
  const applied = (id: bigint) => ({ id, state: 'applied' as const, error: null, header: null });
  /** Takes events from the queue and saves their outcomes. */
  const save = (outcomes: readonly Omit<EventOutcome, 'source' | 'attempts'>[]) =>
    inTransaction(database.pool, async (client) => {
      await lockAccountWrites(client);
      const attempts = await takeFromQueue(
        client,
        topic,
        outcomes.map(({ id }) => id),
      );
      await saveEventOutcomes(
        client,
        outcomes.map((outcome) => ({
          ...outcome,
          source: 'stream',
          attempts: attempts.get(outcome.id) ?? 0,
        })),
      );
    });

  it('the oldest waiting events are read first, up to a limit', async () => {
    await store(5);
    const ids = await idsOf();
    await save([applied(ids[1] ?? 0n)]);
    const { events, quietThrough, cut } = await readStoredEvents(database.pool, topic, {
      ...plenty,
      events: 3,
    });
    expect(events.map(({ id }) => id)).toEqual([ids[0], ids[2], ids[3]]);
    expect([quietThrough, cut]).toEqual([0n, true]);
  });

  it('only a source with an event that is not applied waits', async () => {
    const waiting = () => readWaitingSources(database.pool, topic);
    expect(await waiting()).toEqual({ stream: false, webhooks: false });
    await store(1);
    expect(await waiting()).toEqual({ stream: true, webhooks: false });
    await save((await idsOf()).map(applied));
    await storeNotices(database.pool, [
      {
        notificationId: '04l000000000001AAA',
        organizationId: '00D000000000001AAA',
        actionId: '04k000000000001AAA',
        entityName: 'Account',
        recordId: '001999999999999AAA',
        receivedAt: Date.now(),
      },
    ]);
    expect(await waiting()).toEqual({ stream: false, webhooks: true });
  });

  it('a read is limited by bytes, returns at least one event and reports whether there is more', async () => {
    const event = (bytes: number) => ({
      eventId: randomUUID(),
      schemaId: 's',
      replayId: null,
      payload: randomBytes(bytes),
    });
    await storeEvents(database.pool, lease, [9_000, 9_000, 9_000, 100].map(event));
    const sizes = async (bytes: number) => {
      const { events, cut } = await readStoredEvents(database.pool, topic, { ...plenty, bytes });
      return [events.map(({ payload }) => payload.length), cut];
    };
    expect(await sizes(1)).toEqual([[9_000], true]);
    expect(await sizes(10_000)).toEqual([[9_000, 9_000], true]);
    expect(await sizes(27_001)).toEqual([[9_000, 9_000, 9_000, 100], false]);
  });

  it('the extent of the silence is reported also if nothing waits', async () => {
    await store(1);
    await markQuiet(database.pool, lease);
    const [id = 0n] = await idsOf();
    await save([applied(id)]);
    expect(await readStoredEvents(database.pool, topic, plenty)).toEqual({
      events: [],
      quietThrough: id,
      cut: false,
    });
  });

  it('silence is never reported behind events that the same read does not show', async () => {
    // While another connection stores and marks events, every read must be consistent.
    let writing = true;
    const writer = (async () => {
      for (let round = 0; round < 60; round++) {
        await store(2);
        await markQuiet(database.pool, lease);
      }
      writing = false;
    })();
    while (writing) {
      const { events, quietThrough } = await readStoredEvents(database.pool, topic, plenty);
      expect(quietThrough).toBeLessThanOrEqual(events.at(-1)?.id ?? 0n);
    }
    await writer;
  });

  it('an event with a lower number that is committed later is read: events are selected by the queue and not by a cursor', async () => {
    const late = await database.pool.connect();
    try {
      await late.query('begin');
      await late.query(
        `with stored as (
           insert into events (topic, source, event_id, schema_id, payload, key)
           values ($1, 'webhook', 'late', 's', '', gen_random_uuid()) returning *)
         insert into event_queue (topic, event_id, received_at) select topic, id, received_at from stored`,
        [topic],
      );
      await store(1);
      const { events } = await readStoredEvents(database.pool, topic, plenty);
      await save(events.map(({ id }) => applied(id)));
      await late.query('commit');
      const { events: later } = await readStoredEvents(database.pool, topic, plenty);
      expect(later).toHaveLength(1);
      expect(later[0]?.id).toBeLessThan(events[0]?.id ?? 0n);
    } finally {
      late.release();
    }
  });

  it('positions follow the order of effect, whatever the order of arrival', async () => {
    await store(4);
    const ids = await idsOf();
    const order = [ids[2], ids[0], ids[3], ids[1]].map((id) => applied(id ?? 0n));
    await save(order.slice(0, 2));
    await save(order.slice(2));
    const rows = await database.rows<{ id: bigint }>(
      'select event_id as id from event_outcomes order by position',
    );
    expect(rows.map(({ id }) => id)).toEqual(order.map(({ id }) => id));
  });

  it('the header of an event is stored to the last digit', async () => {
    await store(1);
    const [id = 0n] = await idsOf();
    const recordIds = ['001000000000001AAA', '001000000000002AAA'];
    const input = { header: { recordIds, changedFields: bits('Industry', 'BillingAddress.City') } };
    const { header } = decodeChangeEvent(encodeEvent(input), testSchema);
    await save([{ id, state: 'failed', error: 'No.', header }]);
    const [row] = await database.rows('select * from event_log');
    expect(row).toMatchObject({
      state: 'failed',
      error: 'No.',
      entity_name: 'Account',
      change_type: 'UPDATE',
      record_ids: recordIds,
      changed_fields: ['Industry', 'BillingAddress.City'],
      commit_number: 1_790_000_000_123_456_789n,
      commit_timestamp: new Date(1_790_000_000_000),
      sequence_number: 1,
    });
  });

  it('an event is given to one of two processes that want it', async () => {
    await store(2);
    const ids = await idsOf();
    const second = await inTransaction(database.pool, async (client) => {
      expect(await takeFromQueue(client, topic, ids)).toEqual(new Map(ids.map((id) => [id, 0])));
      const other = inTransaction(database.pool, (rival) => takeFromQueue(rival, topic, ids));
      await eventually('the other one waits', async () => {
        const waits = await database.rows(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        );
        return waits.length > 0;
      });
      return { other };
    });
    expect(await second.other).toEqual(new Map());
  });
});
