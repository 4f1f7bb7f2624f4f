import { describe, expect, it } from 'vitest';
import { inTransaction } from '../../../src/db/database.ts';
import { sweep } from '../../../src/maintenance/sweep.ts';
import { checkInvisibleAccounts } from '../../../src/resync/deletion/check-invisible.ts';
import { confirmResync } from '../../../src/resync/deletion/confirm-resync.ts';
import { cancelResync, type ResyncRequest } from '../../../src/resync/request-resync.ts';
import { rereadAccounts, runResync } from '../../../src/resync/run-resync.ts';
import { useMirrorOfSimulator } from '../../helpers/mirror-of-simulator.ts';
import { accountTopic, inOrg } from '../../helpers/simulator-org.ts';

const goOn = new AbortController().signal;

describe('accounts that Salesforce does not return', () => {
  let behindMs = 0;
  const mirror = useMirrorOfSimulator({ accounts: 40, simulator: { now: () => Date.now() - behindMs } });
  const { database } = mirror;
  const faults = () => mirror.simulator.faults;
  const ids = () => [...mirror.simulator.org.records()].map(({ id }) => id);
  const resync = async (id: string) => (await database.rows('select * from resyncs where id = $1', [id]))[0];
  const resyncs = () =>
    database.rows<{ id: string; state: string; account_ids: string[] }>(
      'select * from resyncs order by created_at',
    );
  const run = async (id: string) => {
    await runResync(mirror.context, id, goOn);
    return resync(id);
  };
  const read = async (request: Partial<ResyncRequest> = {}) => {
    const id = await mirror.request({ scope: 'all', reason: 'test', ...request });
    return { id, ...(await run(id)) };
  };
  const reread = (...accounts: string[]) => rereadAccounts(mirror.context, accounts);
  const counts = async () => {
    const [row] = await database.rows<Record<'existing' | 'deleted' | 'stale', number>>(
      `select count(*) filter (where not deleted)::int as existing, count(*) filter (where deleted)::int as deleted,
              count(*) filter (where stale_version is not null)::int as stale from accounts`,
    );
    return row;
  };
  const invisible = async (state: string) =>
    (await database.rows('select 1 from invisible_accounts where state = $1', [state])).length;
  const confirm = (id: string) =>
    inTransaction(database.pool, (client) =>
      confirmResync(client, mirror.jobs.enqueueResync, { id, confirmedBy: 'admin' }),
    );
  const dueToBeLookedAt = () => database.rows('update resyncs set next_look_at = now()');
  const context = () => ({
    pool: database.pool,
    prisma: database.prisma,
    topic: accountTopic,
    jobs: mirror.jobs,
  });

  it('a resync keeps all accounts when "View All" is lost, stops and says what to check', async () => {
    await read();
    faults().rest.hiddenRecords.on();
    const stopped = await read();
    expect(stopped).toMatchObject({
      state: 'needs-confirmation',
      not_visible: 40,
      deleted: 0,
      finished_at: null,
      waiting: { reason: 'confirmation', notVisible: 40, records: 40, since: expect.any(String) },
    });
    expect(stopped).toMatchObject({
      error: expect.stringMatching(/40 of the 40 accounts.*"View All".*confirm/),
    });
    expect(await counts()).toEqual({ existing: 40, deleted: 0, stale: 40 });
    // Neither a job that comes late nor a sweep moves it.
    await run(stopped.id);
    await sweep(context());
    expect(await resync(stopped.id)).toMatchObject({ state: 'needs-confirmation' });
    expect(await mirror.jobKeys('re-read')).toEqual([]);
  });

  it('a stopped resync starts again without a person when its accounts are visible again', async () => {
    await read();
    faults().rest.hiddenRecords.on();
    const { id } = await read();
    await checkInvisibleAccounts(mirror.context, goOn);
    await dueToBeLookedAt();
    await checkInvisibleAccounts(mirror.context, goOn);
    expect(await resync(id)).toMatchObject({ state: 'needs-confirmation' });
    faults().rest.hiddenRecords.off();
    const [changed = ''] = ids();
    inOrg(mirror.simulator).updateQuietly(changed, { Name: 'Changed meanwhile' });
    await dueToBeLookedAt();
    await checkInvisibleAccounts(mirror.context, goOn);
    expect(await resync(id)).toMatchObject({ state: 'queued', waiting: null });
    expect(await mirror.jobKeys('full-resync')).toEqual([id]);
    expect(await run(id)).toMatchObject({ state: 'done', read: 40, deleted: 0, not_visible: 0, error: null });
    expect(await counts()).toEqual({ existing: 40, deleted: 0, stale: 0 });
    expect(await mirror.account(changed)).toMatchObject({ name: 'Changed meanwhile' });
    expect(await invisible('kept')).toBe(0);
  });

  it('a confirmed resync looks once more for its accounts and marks those still not visible as deleted', async () => {
    await read();
    faults().rest.hiddenRecords.on({ recordIds: ids().slice(10) });
    const { id } = await read();
    expect(await confirm(id)).toBe('confirmed');
    expect(await confirm(id)).toBe('not waiting');
    faults().rest.hiddenRecords.off();
    faults().rest.hiddenRecords.on({ recordIds: ids().slice(12) });
    expect(await run(id)).toMatchObject({
      state: 'done',
      deleted: 28,
      not_visible: 28,
      confirmed_by: 'admin',
      error: null,
    });
    expect(await counts()).toEqual({ existing: 12, deleted: 28, stale: 0 });
    // What a person confirmed does not count against the bound.
    faults().rest.hiddenRecords.off();
    faults().rest.hiddenRecords.on({ recordIds: ids().slice(10) });
    expect(await read()).toMatchObject({ state: 'done', deleted: 2 });
  });

  it('accounts not visible are marked as deleted within the bound, and restored when they are visible again', async () => {
    await read();
    const hidden = ids().slice(0, 10);
    faults().rest.hiddenRecords.on({ recordIds: hidden });
    expect(await read()).toMatchObject({ state: 'done', deleted: 10, not_visible: 10 });
    expect(await counts()).toEqual({ existing: 30, deleted: 10, stale: 0 });
    expect(await invisible('taken')).toBe(10);
    faults().rest.hiddenRecords.off();
    await database.rows(`update invisible_accounts set checked_at = now() - interval '2 hours'`);
    await sweep(context());
    expect(await mirror.jobKeys('re-read')).toEqual([...hidden].sort());
    await reread(...hidden);
    expect(await counts()).toEqual({ existing: 40, deleted: 0, stale: 0 });
    expect(await invisible('taken')).toBe(0);
  });

  it('deletions without proof add up over many single re-reads, and beyond the bound one resync waits for all', async () => {
    await read();
    faults().rest.hiddenRecords.on();
    for (const id of ids().slice(0, 14)) await reread(id);
    expect(await counts()).toEqual({ existing: 30, deleted: 10, stale: 4 });
    const [, held] = await resyncs();
    expect(held).toMatchObject({
      scope: 'accounts',
      reason: 'not visible',
      state: 'needs-confirmation',
      not_visible: 4,
    });
    expect(new Set(held?.account_ids)).toEqual(new Set(ids().slice(10, 14)));
    // Single-account resyncs and a full one end in the same place.
    const single = await read({ scope: 'accounts', accountIds: ids().slice(14, 15) });
    expect(single).toMatchObject({ state: 'cancelled', error: expect.stringContaining(String(held?.id)) });
    expect(await resync(held?.id ?? '')).toMatchObject({ not_visible: 5 });
    const full = await read();
    expect(full).toMatchObject({ state: 'needs-confirmation', not_visible: 30 });
    expect((await resyncs()).filter(({ state }) => state === 'needs-confirmation')).toHaveLength(1);
    expect(await counts()).toEqual({ existing: 30, deleted: 10, stale: 30 });
    await confirm(full.id);
    expect(await run(full.id)).toMatchObject({ state: 'done', deleted: 30 });
  });

  it('a deletion without proof does not count towards the bound after a week', async () => {
    await read();
    faults().rest.hiddenRecords.on();
    await reread(...ids().slice(0, 10));
    await database.rows(`update invisible_accounts set taken_at = now() - interval '8 days'`);
    await reread(...ids().slice(10, 20));
    expect(await counts()).toMatchObject({ existing: 20, deleted: 20 });
    await reread(...ids().slice(20, 21));
    expect(await counts()).toMatchObject({ existing: 20, deleted: 20 });
  });

  it('proven deletions have no bound', async () => {
    await read();
    const [binned, purged, announced] = [ids().slice(0, 12), ids().slice(12, 24), ids().slice(24, 36)];
    behindMs = 5 * 60_000;
    for (const id of [...binned, ...purged]) inOrg(mirror.simulator).deleteQuietly(id);
    behindMs = 0;
    faults().rest.hiddenRecords.on({ recordIds: purged, inDeleteLog: true });
    faults().rest.hiddenRecords.on({ recordIds: announced });
    await database.rows(
      `insert into event_outcomes (event_id, source, state, entity_name, change_type, record_ids, commit_timestamp,
                                   commit_number, sequence_number)
       select -place, 'stream', 'applied', 'Account', 'GAP_DELETE', array[id], now() + interval '1 second', 1, 1
         from unnest($1::text[]) with ordinality as t (id, place)`,
      [announced],
    );
    expect(await read()).toMatchObject({ state: 'done', deleted: 36, not_visible: 0 });
    expect(await counts()).toEqual({ existing: 4, deleted: 36, stale: 0 });
  });

  it('a request for a single account can prove that it is deleted', async () => {
    await read();
    const [id = ''] = ids();
    inOrg(mirror.simulator).deleteQuietly(id);
    faults().rest.emptyResults.on({ soql: id });
    await reread(id);
    expect(await mirror.account(id)).toMatchObject({ deleted: true });
    expect(await invisible('taken')).toBe(0);
  });

  it.each([
    ['queries', 'rest', undefined],
    ['a bulk job', 'bulk', 1],
  ] as const)(
    'a resync repeats its reading when the result of %s is empty while a count is not',
    async (_, by, bulkFrom) => {
      await read();
      if (by === 'rest') faults().rest.emptyResults.on({ times: 1 });
      else faults().bulk.emptyResults.on({ times: 1 });
      const id = await mirror.request({ scope: 'all', reason: 'test' });
      const settings = { ...mirror.context, ...(bulkFrom !== undefined && { bulkFrom }) };
      await expect(runResync(settings, id, goOn)).rejects.toThrow(
        'Salesforce counts 40 records, but returned 0.',
      );
      expect(await counts()).toEqual({ existing: 40, deleted: 0, stale: 0 });
      await runResync(settings, id, goOn);
      expect(await resync(id)).toMatchObject({ state: 'done', read: 40, unchanged: 40, deleted: 0 });
    },
  );

  it('a verify reports accounts not visible as their own kind of difference, and its repair obeys the bound', async () => {
    await read();
    faults().rest.hiddenRecords.on({ recordIds: ids().slice(0, 20) });
    const kinds = (id: string) =>
      database.rows(
        `select kind, count(*)::int as count from resync_differences where resync_id = $1 and confirmed group by 1`,
        [id],
      );
    const compared = await read({ mode: 'verify' });
    expect(compared).toMatchObject({ state: 'done', different: 20 });
    expect(await kinds(compared.id)).toEqual([{ kind: 'not visible', count: 20 }]);
    expect(await invisible('kept')).toBe(0);
    const repaired = await read({ mode: 'verify', repairs: true });
    expect(repaired).toMatchObject({ state: 'needs-confirmation', not_visible: 20 });
    expect(await counts()).toEqual({ existing: 40, deleted: 0, stale: 20 });
    await confirm(repaired.id);
    expect(await run(repaired.id)).toMatchObject({ state: 'done', different: 20 });
    expect(await counts()).toEqual({ existing: 20, deleted: 20, stale: 0 });
  });

  it('the accounts of a cancelled resync stay and are looked for by re-reads', async () => {
    await read();
    faults().rest.hiddenRecords.on();
    const { id } = await read();
    await inTransaction(database.pool, (client) => cancelResync(client, id));
    expect(await counts()).toMatchObject({ existing: 40, deleted: 0 });
    await database.rows(`update invisible_accounts set checked_at = now() - interval '2 hours'`);
    faults().rest.hiddenRecords.off();
    await sweep(context());
    expect(await mirror.jobKeys('re-read')).toHaveLength(40);
    await reread(...ids());
    expect(await counts()).toEqual({ existing: 40, deleted: 0, stale: 0 });
  });

  it('the incident of a stopped resync stays open and passes to the resync that takes its place', async () => {
    await read();
    faults().rest.hiddenRecords.on();
    const id = await mirror.request({ scope: 'all', reason: 'overflow' });
    await database.rows(
      `insert into incidents (topic, cause, detail, extent, resync_id) values ('t', 'overflow', '', 'all', $1)`,
      [id],
    );
    await run(id);
    const next = await read();
    const incidents = () => database.rows('select state, resync_id from incidents');
    expect(await incidents()).toEqual([{ state: 'repairing', resync_id: next.id }]);
    expect(await resync(id)).toMatchObject({ state: 'cancelled' });
    faults().rest.hiddenRecords.off();
    await dueToBeLookedAt();
    await checkInvisibleAccounts(mirror.context, goOn);
    expect(await run(next.id)).toMatchObject({ state: 'done', error: null, not_visible: 0 });
    expect(await incidents()).toMatchObject([{ state: 'closed' }]);
  });
});
