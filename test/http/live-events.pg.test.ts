import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import type { PoolClient } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type EventOutcome, saveEventOutcomes, takeFromQueue } from '../../src/apply/event-rows.ts';
import { retryEvent } from '../../src/apply/retry-event.ts';
import { lockAccountWrites } from '../../src/db/advisory-locks.ts';
import { inTransaction } from '../../src/db/database.ts';
import { listenForWakeUps, type WakeUps } from '../../src/db/wake-up.ts';
import { decodeStreamId } from '../../src/http/streams/live/stream-id.ts';
import type { ChangeType } from '../../src/salesforce/change-event.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type LiveReader, readLive } from './live-readers.ts';
import { accountId, insertEvent } from './rows.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let database: TestDatabase;
let server: TestServer;
let wakeUps: WakeUps;
const readers: LiveReader[] = [];

const start = () =>
  startServer({ databaseUrl: database.url, overrides: { wakeUps, streamStallTimeoutMs: 500 } });
const read = async (options: Parameters<typeof readLive>[1] = {}, at = server): Promise<LiveReader> => {
  const reader = await readLive(at.url, options);
  readers.push(reader);
  return reader;
};

beforeAll(async () => {
  database = await createTestDatabase();
  wakeUps = listenForWakeUps(database.url, () => {});
  server = await start();
});
beforeEach(async () => {
  for (const reader of readers.splice(0)) reader.leave();
  await server.database.pool.query('truncate events, event_queue, event_outcomes');
});
afterAll(async () => {
  for (const reader of readers) reader.leave();
  await server.close();
  await wakeUps.close();
  await database.drop();
});

const header = (n: number, changeType: ChangeType) => ({
  entityName: 'Account',
  recordIds: [accountId(n)],
  changeType,
  changeOrigin: '',
  transactionKey: `key ${n}`,
  sequenceNumber: 1,
  commitTimestamp: 1_763_892_000_000,
  commitNumber: 1n,
  commitUser: '005al000001AAAAAA2',
  nulledFields: [],
  diffFields: [],
  changedFields: [],
});

/** An event that waits; its number in the log. */
const store = (fields: object = {}): Promise<string> =>
  insertEvent(server.database.prisma, { eventId: randomUUID(), state: 'stored' }, fields);

async function save(
  client: PoolClient,
  outcomes: readonly Pick<EventOutcome, 'id' | 'state' | 'header'>[],
): Promise<void> {
  await lockAccountWrites(client);
  const ids = outcomes.map(({ id }) => id);
  const attempts = await takeFromQueue(client, '/data/AccountChangeEvent', ids);
  await saveEventOutcomes(
    client,
    outcomes.map((outcome) => ({
      ...outcome,
      source: 'stream',
      error: null,
      attempts: attempts.get(outcome.id) ?? 0,
    })),
  );
}

/** Gives events their places, as the pipeline does. */
async function apply(
  ids: readonly string[],
  n = 1,
  changeType: ChangeType = 'UPDATE',
  state: 'applied' | 'failed' = 'applied',
) {
  const outcomes = ids.map((id) => ({ id: BigInt(id), state, header: header(n, changeType) }));
  await inTransaction(server.database.pool, (client) => save(client, outcomes));
}

async function change(
  n = 1,
  changeType: ChangeType = 'UPDATE',
  state: 'applied' | 'failed' = 'applied',
): Promise<string> {
  const id = await store({ Name: `Number ${n}` });
  await apply([id], n, changeType, state);
  return id;
}

const arrived = (reader: LiveReader, ids: readonly string[]) =>
  eventually(
    `${ids.length} events have arrived, not ${reader.changes().length}`,
    () => reader.changes().length >= ids.length,
  );

describe('the live stream', () => {
  test('the live stream sends every change as the log shows it, in the order of effect', async () => {
    const reader = await read();
    await eventually('it is ready', () => reader.lastId());
    const [first, second, third] = [await store(), await store({ Name: 'Acme' }), await store()];
    await apply([second]);
    await apply([first, third], 2);
    await arrived(reader, [second, first, third]);
    expect(reader.changes()).toEqual([second, first, third]);
    expect(reader.messages[0]).toMatchObject({ event: 'ready', data: { resumed: false } });
    const shown = await server.send('get', `/v1/events/${second}`);
    expect(reader.messages[1]?.data).toEqual(shown.body);
    expect(shown.body.decoded.fields).toEqual({ Name: 'Acme' });
  });

  test('the live stream begins now without an id and continues after an id from the header or the query', async () => {
    const before = [await change(), await change()];
    const reader = await read();
    const after = [await change(), await change(), await change()];
    await arrived(reader, after);
    expect(reader.changes()).toEqual(after);
    const { id } = reader.messages.find(({ event }) => event === 'change') ?? {};
    for (const options of [{ lastEventId: id }, { query: `?lastEventId=${id}` }]) {
      const again = await read(options);
      await arrived(again, after.slice(1));
      expect(again.changes()).toEqual(after.slice(1));
      expect(again.messages[0]).toMatchObject({ event: 'ready', data: { resumed: true } });
    }
    expect(before).toHaveLength(2);
  });

  test('HEAD of the live stream has no body and ends at once', async () => {
    const headers = { authorization: `Bearer ${keys.read}` };
    const answer = await fetch(`${server.url}/v1/events/stream`, { method: 'HEAD', headers });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
  });

  test('notices tell that there are new events, fewer than the events, and the live stream resumes after them', async () => {
    const reader = await read({ stream: 'notices' });
    await eventually('it is ready', () => reader.lastId());
    const notices = () => reader.messages.filter(({ event }) => event === 'notice');
    await change();
    await eventually('the first notice arrives', () => notices().length === 1);
    const many = [];
    for (let n = 0; n < 40; n++) many.push(await change(n % 5, 'UPDATE', n === 39 ? 'failed' : 'applied'));
    const { rows } = await server.database.pool.query<{ newest: bigint }>(
      'select max(position) as newest from event_outcomes',
    );
    await eventually('a notice of the last event arrives', () => {
      const last = notices().at(-1)?.id ?? '';
      return decodeStreamId(last).position === rows[0]?.newest;
    });
    expect(notices().length).toBeLessThan(many.length / 2);
    expect(reader.messages.filter(({ data }) => 'id' in data || 'decoded' in data)).toEqual([]);
    const again = await read({ stream: 'notices', lastEventId: notices()[0]?.id });
    await eventually('events that were missed are reported at once', () =>
      again.messages.some(({ event }) => event === 'notice'),
    );
  });

  test('a filter of the live stream lets through only what it names', async () => {
    const created = await change(1, 'CREATE');
    const start = await read({ query: '' });
    await eventually('it is ready', () => start.lastId());
    const ask = (query: string) => read({ query, lastEventId: start.lastId() });
    const all = {
      record: await ask(`?recordId=${accountId(2).slice(0, 15)}`),
      type: await ask('?changeType=DELETE'),
      failed: await ask('?state=failed'),
      entity: await ask('?entityName=Account'),
      none: await ask('?entityName=Contact'),
    };
    const [update, deletion, failed] = [
      await change(2),
      await change(3, 'DELETE'),
      await change(4, 'UPDATE', 'failed'),
    ];
    const last = await change(2, 'DELETE');
    await arrived(all.entity, [update, deletion, last]);
    await arrived(all.type, [deletion, last]);
    await arrived(all.record, [update, last]);
    await arrived(all.failed, [failed]);
    expect(all.entity.changes()).toEqual([update, deletion, last]);
    expect(all.type.changes()).toEqual([deletion, last]);
    expect(all.record.changes()).toEqual([update, last]);
    expect(all.failed.changes()).toEqual([failed]);
    expect(all.none.changes()).toEqual([]);
    expect(created).not.toBe('');
  });

  test('the live stream never skips a position that is committed later than one behind it', async () => {
    const reader = await read();
    await eventually('it is ready', () => reader.messages.length > 0);
    const [slow, quick] = [await store(), await store()];
    let quickIsDone = false;
    let applying: Promise<unknown> | undefined;
    await inTransaction(server.database.pool, async (client) => {
      await save(client, [{ id: BigInt(slow), state: 'applied', header: null }]);
      applying = apply([quick]).then(() => {
        quickIsDone = true;
      });
      await eventually('the other one waits for its turn', async () => {
        const { rowCount } = await server.database.pool.query(
          `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`,
        );
        return rowCount === 1;
      });
      expect(quickIsDone).toBe(false);
    });
    await applying;
    await arrived(reader, [slow, quick]);
    expect(reader.changes()).toEqual([slow, quick]);
  });

  test('the live stream continues across restarts and processes with each change once and in order', async () => {
    const other = await start();
    const made: string[] = [];
    const seen: string[] = [];
    let lastEventId: string | undefined;
    let making = true;
    const first = await read();
    await eventually('it is ready', () => first.lastId());
    lastEventId = first.lastId();
    const maker = (async () => {
      while (making) made.push(await change(made.length % 5));
    })();
    for (let round = 0; round < 6; round++) {
      const restarted = round % 2 === 0 ? await start() : undefined;
      const reader = await read({ lastEventId }, restarted ?? other);
      await eventually('some more arrive', () => reader.changes().length >= 5);
      // Without a word, or by the end of the server.
      if (restarted === undefined) reader.leave();
      else await restarted.close();
      if (restarted !== undefined) await eventually('it ends with its server', () => reader.ended());
      seen.push(...reader.changes());
      lastEventId = reader.lastId();
    }
    making = false;
    await maker;
    const rest = await read({ lastEventId });
    await eventually('the rest arrives', () => seen.length + rest.changes().length >= made.length);
    expect([...seen, ...rest.changes()]).toEqual(made);
    await other.close();
  });

  test('the live stream catches up page by page from far behind with whole transactions', async () => {
    const reader = await read();
    await eventually('it is ready', () => reader.lastId());
    const lastEventId = reader.lastId();
    reader.leave();
    await server.database.pool.query(
      `with stored as (
         insert into events (topic, source, event_id, schema_id, payload, key)
         select 't', 'stream', n::text, 's', 'x', gen_random_uuid() from generate_series(1, 3000) n
         returning id, event_id)
       insert into event_outcomes (event_id, source, state, transaction_key)
       select id, 'stream', 'applied', 'of ' || event_id::int / 7 from stored order by id`,
    );
    const late = await read({ lastEventId });
    const more = await change();
    await eventually('all have arrived', () => late.changes().length >= 3_001);
    const { rows } = await server.database.pool.query<{ id: bigint }>(
      'select event_id as id from event_outcomes order by position',
    );
    expect(late.changes()).toEqual(rows.map(({ id }) => id.toString()));
    expect(late.changes().at(-1)).toBe(more);
  });

  test('a reader resumes after the newest event although it failed and is being retried', async () => {
    const reader = await read();
    await eventually('it is ready', () => reader.lastId());
    const [before, failed] = [await change(), await change(1, 'UPDATE', 'failed')];
    await arrived(reader, [before]);
    const all = await read({ query: '?state=failed', lastEventId: reader.lastId() });
    await arrived(all, [failed]);
    const other = await start();
    await retryEvent(server.database.pool, [BigInt(failed)]);
    const resumed = await read({ lastEventId: all.lastId() }, other);
    await eventually('it is ready', () => resumed.messages.length > 0);
    expect(resumed.messages[0]).toMatchObject({ event: 'ready', data: { resumed: true } });
    await apply([failed]);
    await arrived(resumed, [failed]);
    expect(resumed.changes()).toEqual([failed]);
    await other.close();
  });

  test('an id that can not be resumed is reported and an invalid id is refused', async () => {
    for (const id of ['nonsense', Buffer.from('[1,"x","-1"]').toString('base64url')]) {
      const refused = await server.send('get', `/v1/events/stream?lastEventId=${id}`);
      expect(refused.body).toMatchObject({ errors: [{ field: 'lastEventId' }] });
    }
    const reader = await read();
    const ids = [await change(), await change(), await change()];
    await arrived(reader, ids);
    const [, first] = reader.messages;
    await server.database.pool.query(
      'with gone as (delete from events where id = any($1)) delete from event_outcomes where event_id = any($1)',
      [ids.slice(0, 2)],
    );
    const expired = await read({ lastEventId: first?.id });
    await arrived(expired, ids.slice(2));
    expect(expired.messages[1]).toMatchObject({ event: 'reset', data: { reason: 'expired' } });
    expect(expired.changes()).toEqual(ids.slice(2));
    const foreign = Buffer.from('[1,"other","1"]').toString('base64url');
    const unknown = await read({ lastEventId: foreign });
    await eventually('it is reported', () => unknown.messages.length > 1);
    expect(unknown.messages[1]).toMatchObject({ event: 'reset', data: { reason: 'unknown' } });
  });

  test('a reader that takes nothing is disconnected while the others continue', async () => {
    const { hostname, port } = new URL(server.url);
    const silent = connect(Number(port), hostname).pause();
    const lively = await read();
    silent.on('error', () => {});
    silent.write(`GET /v1/events/stream HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${keys.read}\r\n\r\n`);
    const open = () =>
      new Promise<number>((resolve, reject) =>
        server.app.server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    await eventually('both are connected', async () => (await open()) >= 2);
    const connections = await open();
    const made: string[] = [];
    await eventually('the silent one is let go', async () => {
      const id = await store({ Description: 'x'.repeat(200_000) });
      await apply([id]);
      made.push(id);
      return (await open()) < connections;
    });
    silent.destroy();
    made.push(await change());
    await arrived(lively, made);
    expect(lively.changes()).toEqual(made);
  });

  test('1,000 readers share one read of the log and one more is refused', async () => {
    const many = await startServer({
      databaseUrl: database.url,
      overrides: { wakeUps, liveStreamLimits: { max: 1_000, maxPerKey: 1_000 } },
    });
    let readings = 0;
    const query = many.database.pool.query.bind(many.database.pool);
    Reflect.set(many.database.pool, 'query', (statement: { name?: string }) => {
      if (statement.name === 'read-applied') readings++;
      return query(statement as never);
    });
    const all: LiveReader[] = [];
    while (all.length < 1_000) {
      all.push(...(await Promise.all(Array.from({ length: 50 }, () => read({}, many)))));
    }
    await eventually('all are ready', () => all.every(({ messages }) => messages.length > 0));
    expect((await read({ key: keys.admin }, many)).status).toBe(503);
    readings = 0;
    const made: string[] = [];
    for (let n = 0; n < 10; n++) made.push(await change(n));
    for (const reader of all) await arrived(reader, made);
    for (const reader of all) expect(reader.changes()).toEqual(made);
    // One for each of them would be ten thousand.
    expect(readings).toBeLessThan(1_000);
    await many.close();
    await eventually('all have ended with the server', () => all.every((reader) => reader.ended()));
  });
});
