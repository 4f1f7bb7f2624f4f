import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { defaultRetention } from '../../src/maintenance/retention-policy.ts';
import { type MaintenanceContext, maintenanceTasks } from '../../src/maintenance/run-maintenance.ts';
import { runTask } from '../../src/maintenance/run-task.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { accountTables, removeRows } from '../helpers/writable-accounts.ts';

const hourMs = 3_600_000;

describe('maintenance', () => {
  const database = useDatabase();
  const retention = {
    ...defaultRetention,
    eventsMs: 5 * hourMs,
    attemptsMs: 5 * hourMs,
    resyncsMs: 5 * hourMs,
    incidentsMs: 5 * hourMs,
    versionsMs: 5 * hourMs,
  };
  const run = async (context: Partial<MaintenanceContext> = {}) => {
    const counts: Record<string, number | undefined> = {};
    const whole = { pool: database.pool, logger: pino({ level: 'silent' }), retention, ...context };
    for (const task of maintenanceTasks(whole))
      counts[task.name] = await runTask(database.pool, task, new AbortController().signal);
    return counts;
  };
  const insertEvents = (count: number, state: string, age: string) =>
    database.rows(
      `with stored as (
         insert into events (topic, source, event_id, schema_id, payload, key, received_at)
         select 't', 'stream', gen_random_uuid()::text, 's', '', gen_random_uuid(), now() - $3::interval
           from generate_series(1, $1::int) n returning *),
       queued as (
         insert into event_queue (topic, event_id, received_at)
         select topic, id, received_at from stored where $2 = 'stored')
       insert into event_outcomes (event_id, source, state, applied_at, record_ids)
       select id, source, $2, received_at, '{001000000000001AAA}' from stored where $2 <> 'stored'`,
      [count, state, age],
    );
  const states = async () =>
    Object.fromEntries(
      (
        await database.rows<{ state: string; count: number }>(
          'select state, count(*)::int as count from event_log group by 1 order by 1',
        )
      ).map(({ state, count }) => [state, count]),
    );

  beforeEach(() =>
    database.rows(
      removeRows(
        'events',
        'event_queue',
        'event_outcomes',
        'housekeeping',
        'incidents',
        'resync_differences',
        'resync_seen',
        'resyncs',
        'write_back_attempts',
        ...accountTables,
      ),
    ),
  );

  it('all old applied events are deleted and no others', async () => {
    await insertEvents(1_200, 'applied', '6 hours');
    await insertEvents(3, 'skipped', '6 hours');
    await insertEvents(2, 'failed', '6 hours');
    await insertEvents(4, 'stored', '6 hours');
    await insertEvents(5, 'applied', '4 hours');
    expect(await run()).toMatchObject({ events: 1_203 });
    expect(await states()).toEqual({ applied: 5, failed: 2, stored: 4 });
  });

  it('every event is kept if none is to be deleted', async () => {
    await insertEvents(3, 'applied', '6 hours');
    expect(await run({ retention: { ...retention, eventsMs: undefined } })).not.toHaveProperty('events');
    expect(await states()).toEqual({ applied: 3 });
  });

  it('the whole history is folded before its events are deleted, and nothing is deleted if that fails', async () => {
    await insertEvents(3, 'applied', '6 hours');
    const broken = run({ fold: () => Promise.reject(new Error('no room')) });
    await expect(broken).rejects.toThrow('no room');
    expect(await states()).toEqual({ applied: 3 });
    expect(await database.rows('select task, error from housekeeping')).toEqual([
      { task: 'events', error: 'no room' },
    ]);
    await database.rows('delete from housekeeping');
    const asked: (string | null | undefined)[] = [];
    await run({
      fold: async (_, { after }) => {
        expect(await states()).toEqual({ applied: 3 });
        asked.push(after);
        return {
          folded: 0,
          removed: 0,
          after: after === null ? 'first' : after === 'first' ? 'second' : null,
        };
      },
    });
    expect(asked).toEqual([null, 'first', 'second']);
    expect(await states()).toEqual({});
  });

  it('locked rows are skipped without waiting', async () => {
    await insertEvents(4, 'applied', '6 hours');
    const other = await database.pool.connect();
    await other.query('begin; select from events order by id limit 1 for update');
    expect(await run()).toMatchObject({ events: 3 });
    await other.query('rollback');
    other.release();
    expect(await states()).toEqual({ applied: 1 });
  });

  it('maintenance runs in one of several processes and not again before it is due', async () => {
    await insertEvents(1_000, 'applied', '6 hours');
    const counts = await Promise.all([run(), run(), run()]);
    expect(counts.map(({ events }) => events).filter((count) => count !== undefined)).toEqual([1_000]);
    expect(await run()).toMatchObject({ events: undefined });
    await database.rows(`update housekeeping set started_at = now() - interval '2 hours'`);
    expect(await run()).toMatchObject({ events: 0 });
  });

  it('old attempts, incidents and resyncs are deleted unless they are open or shown', async () => {
    await database.rows(`
      insert into accounts (id, fields, base_version, field_versions, version, code_state, synced_at, changed_at)
        values ('A', '{}', '1.1.1.0', '{}', '1.1.1.0', 'confirmed', now(), now()),
               ('B', '{}', '1.1.1.0', '{}', '1.1.1.0', 'failed', now(), now());
      insert into write_back_attempts (account_id, code, sent_at)
        values ('A', 'old', now() - interval '6 hours'), ('A', 'new', now()),
               ('B', 'stuck', now() - interval '6 hours'), ('gone', 'old', now() - interval '6 hours');
      insert into resyncs (scope, reason, mode, state, finished_at, error)
        values ('all', '', 'repair', 'done', now() - interval '6 hours', 'old'),
               ('all', '', 'verify', 'done', now() - interval '8 hours', 'old verify'),
               ('all', '', 'verify', 'done', now() - interval '7 hours', 'newest verify'),
               ('all', '', 'repair', 'failed', now() - interval '6 hours', 'named'),
               ('all', '', 'repair', 'done', now() - interval '1 hour', 'young'),
               ('all', '', 'repair', 'reading', null, 'open');
      insert into resync_differences (resync_id, account_id, kind)
        select r.id, n::text, 'extra' from resyncs r, generate_series(1, 700) n where mode = 'verify';
      insert into incidents (topic, cause, detail, extent, state, closed_at, resync_id)
        select 't', 'gap', 'open', 'all', 'open', null::timestamptz, id from resyncs where error = 'named'
        union all select 't', 'gap', 'young', 'all', 'closed', now(), null
        union all select 't', 'gap', 'old', 'all', 'closed', now() - interval '6 hours', null`);
    expect(await run()).toMatchObject({
      'write-back attempts': 2,
      incidents: 1,
      differences: 700,
      resyncs: 2,
    });
    const left = await database.rows<{ what: string }>(`
      select code as what from write_back_attempts union all select error from resyncs
      union all select detail from incidents order by 1`);
    expect(left.map(({ what }) => what).sort()).toEqual([
      'named',
      'new',
      'newest verify',
      'open',
      'open',
      'stuck',
      'young',
      'young',
    ]);
  });

  it('old field versions are folded into the base and the rest of the row is unchanged', async () => {
    const now = Date.now();
    const old = (n: number) => `${now - 6 * hourMs + n}.${n}.1.0`;
    const young = `${now}.9.1.0`;
    const insert = (id: string, base: string, ahead: object, stale: string | null) =>
      database.rows(
        `insert into accounts (id, fields, base_version, field_versions, version, stale_version, synced_at, changed_at)
         values ($1, '{"Name": "A"}', $2, $3, $4, $5, '2026-01-01', '2026-01-01')`,
        [id, base, JSON.stringify(ahead), young, stale],
      );
    await insert('A', old(1), { Name: old(2), Phone: old(3), Industry: young }, null);
    await insert('B', old(1), { Name: old(2) }, young);
    await insert('C', young, { Name: old(2) }, null);
    expect(await run()).toMatchObject({ 'field versions': 1 });
    const rows = await database.rows(
      `select id, base_version, field_versions, version = $1 and changed_at = '2026-01-01' and revision = 1 as same
         from accounts order by id`,
      [young],
    );
    expect(rows).toEqual([
      { id: 'A', base_version: old(3), field_versions: { Industry: young }, same: true },
      { id: 'B', base_version: old(1), field_versions: { Name: old(2) }, same: true },
      { id: 'C', base_version: young, field_versions: { Name: old(2) }, same: true },
    ]);
  });

  it('nothing is folded while events have waited so long that they could be older', async () => {
    const old = `${Date.now() - 6 * hourMs}`;
    await database.rows(
      `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at)
       values ('A', '{}', $1, $2, $1, now(), now())`,
      [`${old}.1.1.0`, JSON.stringify({ Name: `${old}.2.1.0` })],
    );
    await insertEvents(1, 'stored', '1 hour');
    expect(await run()).toMatchObject({ 'field versions': 0 });
    await database.rows('truncate events, event_queue, event_outcomes, housekeeping');
    expect(await run()).toMatchObject({ 'field versions': 1 });
  });
});
