import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readStoredEvents } from '../../src/apply/event-rows.ts';
import { readApplied, readLogEnds } from '../../src/http/streams/live/read-applied.ts';
import { ensureSubscription } from '../../src/ingest/subscription-rows.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { accountId, uuid } from './rows.ts';
import { startServer, type TestServer } from './start-server.ts';

const topic = '/data/AccountChangeEvent';

let database: TestDatabase;
let server: TestServer;
const sent: { text: string; values: unknown[] }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  server = await startServer({ databaseUrl: database.url });
  record(server);
  await ensureSubscription(server.database.pool, topic, null);
  await server.database.pool.query(
    `with stored as (
       insert into events (topic, source, event_id, schema_id, payload, key, received_at)
       select '${topic}', 'stream', '00000000-0000-4000-8000-' || lpad(n::text, 12, '0'), 's', 'x', gen_random_uuid(),
              now() - (30000 - n) * interval '1 minute' from generate_series(1, 30000) n
       returning id, received_at),
     queued as (
       insert into event_queue (topic, event_id, received_at)
       select '${topic}', id, received_at from stored where id > 29900)
     insert into event_outcomes (event_id, source, state, applied_at, entity_name, change_type, record_ids,
                                 transaction_key, sequence_number)
     select id, 'stream', case when id % 1000 = 0 then 'failed' else 'applied' end, received_at, 'Account',
            case when id % 500 = 0 then 'DELETE' else 'UPDATE' end,
            array['001al' || lpad((id % 3000)::text, 10, '0') || 'AAA'], 'tx-' || id / 5, id % 5
       from stored where id <= 29900 order by id`,
  );
  await server.database.pool.query('vacuum analyze events, event_queue, event_outcomes');
});
afterAll(async () => {
  await server.close();
  await database.drop();
});

describe('indexes of the event log', () => {
  test.each([
    ['/v1/events', ['event_outcomes_event_id_key', 'events_pkey']],
    ['/v1/events?changeType=DELETE', ['event_outcomes_change_type', 'events_pkey']],
    ['/v1/events?state=failed', ['event_outcomes_failures', 'events_pkey']],
    ['/v1/events?state=applied', ['event_outcomes_event_id_key', 'events_pkey']],
    ['/v1/events?transactionKey=tx-7', ['event_outcomes_transaction_key', 'events_pkey']],
    [`/v1/events?recordId=${accountId(7)}`, ['event_outcomes_record_ids', 'events_pkey']],
    [`/v1/events/${uuid(77)}`, ['event_outcomes_event_id_key', 'events_event_id']],
    ['/v1/events/77', ['event_outcomes_event_id_key', 'events_pkey']],
  ])('%s reads the log by indexes', async (path, indexes) => {
    sent.length = 0;
    await server.send('get', path);
    const plans = await plansOfSent(/event_log/);
    expect(plans.length).toBeGreaterThan(0);
    for (const plan of plans) {
      expect([...new Set(plan.indexes)].sort(), path).toEqual(indexes);
      expect(plan.nodes).not.toContain('Seq Scan');
    }
  });

  test('the live stream reads the order of effect by indexes', async () => {
    const { pool } = server.database;
    sent.length = 0;
    const { log } = await readLogEnds(pool);
    await readApplied({ pool, decodeEvents: async () => [] }, log, 12_000n);
    const [page] = await plansOfSent(/event_log/);
    expect(page?.indexes.sort()).toEqual(['event_outcomes_pkey', 'events_pkey']);
    expect(page?.nodes).not.toContain('Seq Scan');
  });

  test('the front of the queue is read by indexes and sorts no row', async () => {
    sent.length = 0;
    await readStoredEvents(server.database.pool, topic, { events: 50, bytes: 1_000_000 });
    const [plan] = await plansOfSent(/event_queue/);
    expect(plan?.indexes).toContain('events_pkey');
    expect(plan?.nodes).not.toContain('Hash Join');
  });
});

/** Records every statement that is sent to the database. */
function record({ database: { pool } }: TestServer): void {
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...all: unknown[]) => unknown;
    Reflect.set(client, 'query', (...all: [{ text?: string; values?: unknown[] }]) => {
      const [{ text, values }] = all;
      if (text !== undefined && values !== undefined) sent.push({ text, values });
      return query(...all);
    });
  });
}

type Node = {
  readonly 'Node Type': string;
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Node[];
};

async function plansOfSent(statements: RegExp): Promise<{ nodes: string[]; indexes: string[] }[]> {
  const recorded = sent.filter(({ text }) => statements.test(text));
  return Promise.all(
    recorded.map(async ({ text, values }) => {
      const result = await server.database.pool.query<{ 'QUERY PLAN': readonly { Plan: Node }[] }>(
        `explain (format json) ${text}`,
        values,
      );
      const nodes = nodesOf(result.rows[0]?.['QUERY PLAN'][0]?.Plan);
      return {
        nodes: nodes.map((node) => node['Node Type']),
        indexes: nodes.flatMap((node) => node['Index Name'] ?? []),
      };
    }),
  );
}

function nodesOf(node: Node | undefined): Node[] {
  return node === undefined ? [] : [node, ...(node.Plans ?? []).flatMap(nodesOf)];
}
