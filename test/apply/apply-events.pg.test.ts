import { randomBytes, randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createActivity } from '../../src/activity.ts';
import { type ApplyContext, applyWaiting } from '../../src/apply/apply-events.ts';
import { createBatchReader } from '../../src/apply/read-transactions.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { type Jobs, queues, startJobs } from '../../src/db/jobs.ts';
import { markQuiet, storeEvents } from '../../src/ingest/store-events.ts';
import { storedSchemas } from '../../src/ingest/stored-schemas.ts';
import { ensureSubscription, readWatermark } from '../../src/ingest/subscription-rows.ts';
import { SalesforceError } from '../../src/salesforce/error.ts';
import { createSchemaCache, type SchemaCache } from '../../src/salesforce/schema-cache.ts';
import {
  accountId,
  bits,
  type EventInput,
  encodeEvent,
  testSchemaId,
  testSchemaJson,
} from '../helpers/change-events.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { accountTables, removeRows } from '../helpers/writable-accounts.ts';

const topic = '/data/AccountChangeEvent';
const lease = { topic, epoch: 0n };
const logger = pino({ level: 'silent' });
const other = '001000000000002AAA';

describe('application of the event log', () => {
  const database = useDatabase();
  let jobs: Jobs;

  beforeAll(async () => {
    jobs = await startJobs(database.pool, logger);
  });
  afterAll(() => jobs.stop());
  beforeEach(async () => {
    await database.rows(
      removeRows(
        'events',
        'event_queue',
        'event_outcomes',
        'subscriptions',
        ...accountTables,
        'incidents',
        'resyncs',
        'event_schemas',
      ),
    );
    await database.rows('delete from pgboss.job');
    await ensureSubscription(database.pool, topic, '00D000000000001AAA');
  });

  const fromSalesforce = async (): Promise<string> => testSchemaJson;
  const cache = (fetchSchema = fromSalesforce): SchemaCache =>
    createSchemaCache(storedSchemas(database), fetchSchema);
  const context = (given: Partial<ApplyContext> = {}): ApplyContext => ({
    pool: database.pool,
    topic,
    codes: codeRules({ field: 'SignUpCode__c' }),
    schemas: cache(),
    jobs,
    activity: createActivity(),
    logger,
    ...given,
  });
  const storeRaw = (payloads: readonly Buffer[], schemaId = testSchemaId) =>
    storeEvents(
      database.pool,
      lease,
      payloads.map((payload) => ({
        eventId: randomUUID(),
        schemaId,
        replayId: Buffer.from('01', 'hex'),
        payload,
      })),
    );
  const store = (...events: EventInput[]) => storeRaw(events.map(encodeEvent));
  const applyAll = async (given: Partial<ApplyContext> = {}): Promise<void> => {
    await markQuiet(database.pool, lease);
    await applyWaiting(context(given));
  };
  const log = () => database.rows('select state, error, record_ids from event_log order by id');
  const jobKeys = async (queue: string) =>
    (
      await database.rows(
        `select coalesce(singleton_key, data ->> 'resyncId') as key from pgboss.job where name = $1 order by key`,
        [queue],
      )
    ).map((row) => row['key']);
  const create = (key = 'create', id = accountId): EventInput => ({
    header: { changeType: 'CREATE', transactionKey: key, recordIds: [id] },
    fields: { Name: 'Quill Ltd' },
  });
  const update = (key: string, commitNumber: bigint, Industry: string | null): EventInput => ({
    header: { transactionKey: key, commitNumber, changedFields: bits('Industry') },
    fields: { Industry },
  });
  const later = 1_800_000_000_000_000_000n;

  it('a CREATE makes an account with a code that waits to be written', async () => {
    await store(create());
    await applyAll();
    expect(await database.rows('select name, code_state from accounts')).toEqual([
      { name: 'Quill Ltd', code_state: 'pending' },
    ]);
    expect(await log()).toEqual([{ state: 'applied', error: null, record_ids: [accountId] }]);
    expect(await readWatermark(database.pool, topic)).toEqual([
      1_790_000_000_000,
      1_790_000_000_123_456_789n,
      1,
      0,
    ]);
  });

  it('the newest transaction is held back until nothing can follow it', async () => {
    await store(create(), update('open', later, 'Energy'));
    expect(await applyWaiting(context())).toBe(1);
    expect((await log()).map(({ state }) => state)).toEqual(['applied', 'stored']);
    expect(await applyWaiting(context())).toBe(0);
    await markQuiet(database.pool, lease);
    expect(await applyWaiting(context())).toBe(1);
  });

  it('a transaction larger than what is read or written at once is shown whole or not at all', async () => {
    const largest = await largestStatements();
    const ids = Array.from({ length: 2_500 }, (_, index) => `001${String(index).padStart(12, '0')}AAA`);
    await store(...ids.map((id) => create('large', id)));
    await markQuiet(database.pool, lease);
    let counts: number[] = [];
    const counting = (async () => {
      for (let last = -1; last < ids.length; ) {
        const [row] = await database.rows<{ count: number }>('select count(*)::int as count from accounts');
        last = row?.count ?? 0;
        counts = [...counts, last];
      }
    })();
    expect(await applyWaiting(context())).toBe(ids.length);
    await counting;
    expect([...new Set(counts)].filter((count) => count !== 0)).toEqual([ids.length]);
    expect(await largest()).toEqual([
      { about: 'account', rows: 2_000 },
      { about: 'event_outcomes', rows: 2_000 },
    ]);
  });

  /** Records the number of rows per statement. @returns a function that stops and returns the maximum per table */
  const largestStatements = async () => {
    await database.rows(`
      create table statement_sizes (about text, rows int);
      create function note_size() returns trigger language plpgsql as $$ begin
        insert into statement_sizes select tg_table_name, count(*) from written; return null; end $$;
      create trigger note_size after insert on salesforce.account referencing new table as written
        for each statement execute function note_size();
      create trigger note_size after insert on event_outcomes referencing new table as written
        for each statement execute function note_size()`);
    return async () => {
      const sizes = await database.rows(
        'select about, max(rows) as rows from statement_sizes group by about order by about',
      );
      await database.rows('drop function note_size cascade; drop table statement_sizes');
      return sizes;
    };
  };

  it('each event is applied once if two processes apply at the same time', async () => {
    await store(create(), update('second', later, 'Energy'));
    await markQuiet(database.pool, lease);
    await Promise.all([applyWaiting(context()), applyWaiting(context())]);
    const [row] = await database.rows('select revision, fields from accounts');
    expect(row).toMatchObject({ revision: 1n, fields: { Industry: 'Energy' } });
    expect((await log()).map(({ state }) => state)).toEqual(['applied', 'applied']);
  });

  describe('while a batch is read ahead', () => {
    const singles = (count: number) =>
      Array.from({ length: count }, (_, n) => update(`single ${n}`, BigInt(n), `Industry ${n}`));
    const states = async () =>
      Object.fromEntries(
        (
          await database.rows<{ state: string; n: number }>(
            'select state, count(*)::int as n from event_log group by state',
          )
        ).map(({ state, n }) => [state, n]),
      );

    it('every event is applied once and in order, whole transactions at a time', async () => {
      await store(
        create(),
        ...singles(620),
        ...Array.from({ length: 300 }, () => update('large', later, 'Last')),
      );
      await markQuiet(database.pool, lease);
      const reader = createBatchReader(context());
      while ((await applyWaiting(context(), reader)) > 0);
      const order = await database.rows<{ id: bigint }>(
        'select event_id as id from event_outcomes order by position',
      );
      expect(order.map(({ id }) => id)).toEqual(order.map(({ id }) => id).sort((a, b) => Number(a - b)));
      expect(await states()).toEqual({ applied: 921 });
      const [row] = await database.rows(`select fields ->> 'Industry' as industry from accounts`);
      expect(row).toEqual({ industry: 'Last' });
    });

    it('events that another process has applied meanwhile are not applied again', async () => {
      await store(...singles(600));
      await markQuiet(database.pool, lease);
      const reader = createBatchReader(context());
      await applyWaiting(context(), reader);
      while ((await applyWaiting(context())) > 0);
      await applyWaiting(context(), reader);
      expect(await states()).toEqual({ applied: 600 });
      const [row] = await database.rows('select sum(attempts)::int as attempts from event_outcomes');
      expect(row).toEqual({ attempts: 600 });
    });

    it('a batch that cannot be written is read again', async () => {
      await store(create(), ...singles(600));
      await markQuiet(database.pool, lease);
      const reader = createBatchReader(context());
      const refusing: Jobs = { ...jobs, enqueueRereads: () => Promise.reject(new Error('no queue')) };
      await expect(applyWaiting(context({ jobs: refusing }), reader)).rejects.toThrow('no queue');
      while ((await applyWaiting(context(), reader)) > 0);
      const order = await database.rows<{ id: bigint }>(
        'select event_id as id from event_outcomes order by position',
      );
      expect(order.map(({ id }) => id)).toEqual(order.map(({ id }) => id).sort((a, b) => Number(a - b)));
      expect(await states()).toEqual({ applied: 601 });
    });
  });

  it('an account that is not completely known is requested to be read', async () => {
    await store(update('unknown', later, 'Energy'), {
      header: { changeType: 'GAP_UPDATE', transactionKey: 'gap', recordIds: [other] },
    });
    await applyAll();
    expect(await jobKeys(queues.reread)).toEqual([accountId, other]);
    const stale = await database.rows('select id from accounts where stale_version is not null order by id');
    expect(stale.map(({ id }) => id)).toEqual([accountId, other]);
  });

  it.each([
    ['an overflow', ['000000000000000AAA'], 'GAP_OVERFLOW', 'overflow'],
    ['a wildcard', ['001*'], 'GAP_UPDATE', 'object changed'],
  ])('a full resync is requested after %s', async (_, recordIds, changeType, reason) => {
    await store({ header: { changeType, recordIds } });
    await applyAll();
    const resyncs = await database.rows('select id, scope, reason from resyncs');
    expect(resyncs).toEqual([{ id: expect.any(String), scope: 'all', reason }]);
    expect(await jobKeys(queues.fullResync)).toEqual([resyncs[0]?.['id']]);
  });

  it('events of other objects are skipped', async () => {
    await store({
      header: { entityName: 'Contact', recordIds: ['003000000000001AAA'], changeType: 'CREATE' },
    });
    await applyAll();
    expect((await log())[0]).toMatchObject({ state: 'skipped' });
    expect(await database.rows('select from accounts')).toEqual([]);
  });

  describe('events that fail', () => {
    const readingOfFailed = () =>
      database.rows(
        `select r.scope, r.account_ids from resyncs r
           join pgboss.job j on j.data ->> 'resyncId' = r.id::text
          where r.reason = 'failed event'`,
      );

    it('an undecodable event is marked as failed and the events behind it are applied', async () => {
      await storeRaw([Buffer.from('no event'), encodeEvent(create())]);
      await applyAll();
      expect(await log()).toMatchObject([
        { state: 'failed', error: expect.stringMatching(/^The event cannot be decoded: /) },
        { state: 'applied' },
      ]);
      expect(await readingOfFailed()).toMatchObject([{ scope: 'all' }]);
    });

    it('an undecodable event after applied ones requests a read of what changed since those', async () => {
      await store(create());
      await applyAll();
      await storeRaw([Buffer.from('no event')]);
      await applyAll();
      const [resync] = await database.rows<{ scope: string; since: Date }>(
        'select scope, since from resyncs',
      );
      expect(resync?.scope).toBe('since');
      expect(resync?.since.getTime()).toBeLessThan(1_790_000_000_000);
    });

    const truncated = (event: EventInput): Buffer => encodeEvent(event).subarray(0, -1);

    it('the accounts of a truncated event with a readable header are read', async () => {
      await store(create('before', other));
      await applyAll();
      await storeRaw([truncated(create())]);
      await applyAll();
      expect((await log())[1]).toMatchObject({
        state: 'failed',
        error: expect.stringMatching(/^The event cannot be decoded: /),
        record_ids: [accountId],
      });
      expect(await readingOfFailed()).toEqual([{ scope: 'accounts', account_ids: [accountId] }]);
    });

    it('a truncated event of another object is skipped, and one of all accounts is followed by a read of what changed', async () => {
      await store(create('before', other));
      await applyAll();
      await storeRaw([truncated({ header: { entityName: 'Contact', recordIds: ['003000000000001AAA'] } })]);
      await applyAll();
      expect((await log())[1]).toMatchObject({ state: 'skipped' });
      expect(await readingOfFailed()).toEqual([]);
      await storeRaw([truncated({ header: { changeType: 'GAP_UPDATE', recordIds: ['001*'] } })]);
      await applyAll();
      expect(await readingOfFailed()).toMatchObject([{ scope: 'since' }]);
    });

    it('failed events of many batches are repaired by one read that has not begun, with one incident', async () => {
      await store(create('before', '001000000000009AAA'));
      await applyAll();
      for (let n = 0; n < 40; n++) {
        await storeRaw([truncated(create(`${n}`, n % 2 === 0 ? accountId : other))]);
        await applyAll();
      }
      expect(await readingOfFailed()).toEqual([{ scope: 'accounts', account_ids: [accountId, other] }]);
      await storeRaw([Buffer.from('no event')]);
      await applyAll();
      expect(await readingOfFailed()).toEqual([{ scope: 'since', account_ids: [accountId, other] }]);
      const incidents = await database.rows(
        'select extent, cardinality(event_ids) as events, account_ids from incidents',
      );
      expect(incidents).toEqual([{ extent: 'since', events: 41, account_ids: [accountId, other] }]);
    });

    it('a failed event joins a read of all accounts that has not begun, and none that has', async () => {
      await store({ header: { changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'] } });
      await applyAll();
      await storeRaw([truncated(create())]);
      await applyAll();
      expect(await database.rows('select scope from resyncs')).toEqual([{ scope: 'all' }]);
      expect(await database.rows('select count(distinct resync_id)::int as n from incidents')).toEqual([
        { n: 1 },
      ]);
      await database.rows(`update resyncs set state = 'reading'`);
      await storeRaw([truncated(create())]);
      await applyAll();
      expect(await database.rows('select scope from resyncs order by created_at')).toEqual([
        { scope: 'all' },
        { scope: 'accounts' },
      ]);
    });

    it('an event that is dated ahead of the clock is skipped with the reason, and its record is read', async () => {
      const commitTimestamp = BigInt(Date.now() + 3_600_000);
      await store({ header: { changeType: 'CREATE', commitTimestamp } });
      await applyAll();
      expect(await log()).toMatchObject([
        { state: 'skipped', error: expect.stringContaining('3600 s ahead'), record_ids: [accountId] },
      ]);
      expect(await database.rows('select id from accounts')).toEqual([]);
      expect(await jobKeys(queues.reread)).toEqual([accountId]);
      expect((await readWatermark(database.pool, topic))[0]).toBe(0);
    });

    it('an event that the database refuses fails its transaction, whose records are read, and the others are applied', async () => {
      const impossible = { ...create('impossible'), fields: { Name: randomBytes(4_000).toString('hex') } };
      await store(create('before', other), impossible, create('after', '001000000000003AAA'));
      await applyAll();
      expect(await log()).toMatchObject([
        { state: 'applied' },
        { state: 'failed', error: expect.stringContaining('index row size'), record_ids: [accountId] },
        { state: 'applied' },
      ]);
      expect(await readingOfFailed()).toEqual([{ scope: 'accounts', account_ids: [accountId] }]);
      expect(await database.rows('select from accounts')).toHaveLength(2);
    });

    it('an event whose header is longer than an index entry is marked as failed', async () => {
      const transactionKey = randomBytes(4_000).toString('hex');
      await store({ header: { changeType: 'CREATE', transactionKey } }, create('after'));
      await applyAll();
      expect((await log()).map(({ state }) => state)).toEqual(['failed', 'applied']);
    });

    it('an event whose header has a NUL is applied, and the log has U+FFFD in its place', async () => {
      await store({ header: { changeType: 'CREATE', transactionKey: 'a\u0000b' } });
      await applyAll();
      expect(await database.rows('select state, transaction_key from event_log')).toEqual([
        { state: 'applied', transaction_key: 'a\ufffdb' },
      ]);
    });

    it('an event with an invalid schema is marked as failed', async () => {
      await store(create());
      await applyAll({ schemas: cache(async () => '"string"') });
      expect(await log()).toMatchObject([
        { state: 'failed', error: expect.stringContaining('is not valid') },
      ]);
    });

    it('an event with a schema unknown to Salesforce is marked as failed', async () => {
      await store(create());
      const unknown = new SalesforceError('no such schema', 'schema.validation.failed', 'bug');
      await applyAll({ schemas: cache(() => Promise.reject(unknown)) });
      expect((await log())[0]).toMatchObject({ state: 'failed' });
    });
  });

  describe('failures that hold all events back', () => {
    it.each([
      [
        'Salesforce does not give the schema just now',
        new SalesforceError('later', 'UNAVAILABLE', 'transient'),
      ],
      ['the schema cannot be read from the database', new Error('Connection terminated unexpectedly')],
    ])('events are held back because %s', async (_, error) => {
      await store(create());
      await markQuiet(database.pool, lease);
      const schemas: SchemaCache = { get: () => Promise.reject(error) };
      await expect(applyWaiting(context({ schemas }))).rejects.toBe(error);
      expect((await log()).map(({ state }) => state)).toEqual(['stored']);
      expect(await applyWaiting(context())).toBe(1);
      expect((await log()).map(({ state }) => state)).toEqual(['applied']);
    });

    it('neither account nor event is written if the queue refuses the jobs', async () => {
      await store(create());
      await markQuiet(database.pool, lease);
      const refusing: Jobs = { ...jobs, enqueueRereads: () => Promise.reject(new Error('no queue')) };
      await expect(applyWaiting(context({ jobs: refusing }))).rejects.toThrow('no queue');
      expect(await database.rows('select from accounts')).toEqual([]);
      expect((await log()).map(({ state }) => state)).toEqual(['stored']);
    });
  });
});
