import { beforeEach, describe, expect, it } from 'vitest';
import { closeByResync, closeRepaired } from '../../src/incidents/close-incidents.ts';
import { saveFailedRecord } from '../../src/incidents/failed-records.ts';
import {
  extendIncident,
  type IncidentCause,
  maxAccountIds,
  openIncident,
} from '../../src/incidents/incident-rows.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { accountTables, removeRows } from '../helpers/writable-accounts.ts';

const topic = '/data/AccountChangeEvent';
const id = (n: number): string => `001${String(n).padStart(12, '0')}AAA`;
const ids = (count: number, from = 0): string[] => Array.from({ length: count }, (_, n) => id(from + n));

describe('an incident of accounts', () => {
  const database = useDatabase();
  beforeEach(() =>
    database.rows(
      removeRows('incidents', ...accountTables, 'unconfirmed_records', 'failed_records', 'resyncs'),
    ),
  );

  const extend = (accountIds: readonly string[], cause: IncidentCause = 'dated ahead') =>
    extendIncident(database.pool, {
      topic,
      cause,
      detail: 'Check the clock.',
      extent: 'accounts',
      accountIds,
    });
  const makeStale = (accountIds: readonly string[]) =>
    database.rows(
      `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at, stale_version)
       select id, '{}', '1.1.1.1', '{}', '1.1.1.1', now(), now(), '2.1.1.1' from unnest($1::text[]) id`,
      [accountIds],
    );
  const repair = (accountIds: readonly string[]) =>
    database.rows('update accounts set stale_version = null where id = any($1::text[])', [accountIds]);
  const incidents = () =>
    database.rows<{ state: string; extent: string; account_ids: string[]; detail: string }>(
      'select state, extent, account_ids, detail from incidents order by id',
    );
  const stateAfterRepairs = async () => {
    await closeRepaired(database.pool);
    return (await incidents()).map(({ state }) => state);
  };

  it('an incident that grows keeps the accounts that are still uncertain', async () => {
    await makeStale(ids(3));
    await extend(ids(2));
    await repair([id(0)]);
    await database.rows('insert into unconfirmed_records (id, reported_at) values ($1, now())', [id(7)]);
    await extend([id(2), id(7)]);
    expect(await incidents()).toMatchObject([{ extent: 'accounts', account_ids: [id(1), id(2), id(7)] }]);
    await repair(ids(3));
    expect(await stateAfterRepairs()).toEqual(['open']);
    await database.rows('truncate unconfirmed_records');
    expect(await stateAfterRepairs()).toEqual(['closed']);
  });

  it('an incident of more accounts than it can list reaches to all and closes when every account is certain', async () => {
    await makeStale(ids(maxAccountIds + 1));
    await extend(ids(maxAccountIds));
    expect(await incidents()).toMatchObject([{ extent: 'accounts', detail: 'Check the clock.' }]);
    await extend([id(maxAccountIds)]);
    await extend([id(0)]);
    expect(await incidents()).toMatchObject([
      {
        state: 'open',
        extent: 'all',
        account_ids: [],
        detail: expect.stringMatching(/^Check the clock\. More than 1,000 accounts are affected/),
      },
    ]);
    await repair(ids(maxAccountIds));
    expect(await stateAfterRepairs()).toEqual(['open']);
    await repair([id(maxAccountIds)]);
    expect(await stateAfterRepairs()).toEqual(['closed']);
  });

  it('a gap of more accounts than an incident can list is not closed before every account is certain', async () => {
    await makeStale(ids(maxAccountIds + 1));
    const accountIds = ids(maxAccountIds + 1);
    await openIncident(database.pool, {
      topic,
      cause: 'gap',
      detail: 'A gap.',
      extent: 'accounts',
      accountIds,
    });
    expect(await incidents()).toMatchObject([{ extent: 'all', account_ids: [] }]);
    await repair(ids(maxAccountIds));
    expect(await stateAfterRepairs()).toEqual(['open']);
    await repair(accountIds);
    expect(await stateAfterRepairs()).toEqual(['closed']);
  });

  it('an incident of records that cannot be stored does not list those that were stored meanwhile', async () => {
    const fail = (accountId: string) =>
      saveFailedRecord(database.pool, topic, { accountId, error: 'refused', resyncId: undefined });
    await fail(id(1));
    await database.rows('delete from failed_records');
    await fail(id(2));
    expect(await incidents()).toMatchObject([{ state: 'open', account_ids: [id(2)] }]);
  });

  it('a repair with more failed records than an incident can list stays open until all of them are stored', async () => {
    const [resync] = await database.rows<{ id: string }>(
      `insert into resyncs (scope, reason, account_ids, state) values ('all', 'overflow', '{}', 'done') returning id`,
    );
    const resyncId = resync?.id ?? '';
    await openIncident(database.pool, {
      topic,
      cause: 'overflow',
      detail: 'Too large.',
      extent: 'all',
      resyncId,
    });
    await database.rows(
      'insert into failed_records (account_id, error, resync_id) select id, $3, $2 from unnest($1::text[]) id',
      [ids(maxAccountIds + 1), resyncId, 'refused'],
    );
    await closeByResync(database.pool, resyncId);
    expect(await incidents()).toMatchObject([{ state: 'open', extent: 'all', account_ids: [] }]);
    await database.rows('delete from failed_records where account_id <> $1', [id(maxAccountIds)]);
    expect(await stateAfterRepairs()).toEqual(['open']);
    await database.rows('delete from failed_records');
    expect(await stateAfterRepairs()).toEqual(['closed']);
  });

  describe('of failed events', () => {
    const insertResync = async () => {
      const [row] = await database.rows<{ id: string }>(
        `insert into resyncs (scope, reason, state) values ('accounts', 'failed event', 'done') returning id`,
      );
      return row?.id ?? '';
    };
    const failEvents = async (eventIds: readonly bigint[], resyncId: string) => {
      await database.rows(
        `insert into event_outcomes (event_id, source, state, error)
         select id, 'stream', 'failed', 'Broken.' from unnest($1::bigint[]) id on conflict (event_id) do nothing`,
        [eventIds],
      );
      await openIncident(database.pool, {
        topic,
        cause: 'failed event',
        detail: 'An event failed.',
        extent: 'accounts',
        accountIds: [id(1)],
        eventIds,
        resyncId,
      });
    };
    const states = async () =>
      (await database.rows('select state from event_outcomes order by event_id')).map((row) => row['state']);
    beforeEach(() => database.rows('truncate event_outcomes'));

    it('a failed event is repaired when its incident closes', async () => {
      const [own, other] = [await insertResync(), await insertResync()];
      await failEvents([1n, 2n], own);
      await failEvents([3n], other);
      await closeByResync(database.pool, own);
      expect(await states()).toEqual(['repaired', 'repaired', 'failed']);
    });

    it('a failed event stays failed while its records cannot be stored', async () => {
      const resyncId = await insertResync();
      await failEvents([1n], resyncId);
      await database.rows(
        `insert into failed_records (account_id, error, resync_id) values ($1, 'No.', $2)`,
        [id(1), resyncId],
      );
      await closeByResync(database.pool, resyncId);
      expect(await states()).toEqual(['failed']);
      await database.rows('delete from failed_records');
      await closeRepaired(database.pool);
      expect(await states()).toEqual(['repaired']);
    });

    it('an event that has failed once more is repaired when the later incident closes', async () => {
      const [first, second] = [await insertResync(), await insertResync()];
      await failEvents([1n], first);
      await failEvents([1n], second);
      await closeByResync(database.pool, first);
      expect(await states()).toEqual(['failed']);
      await closeByResync(database.pool, second);
      expect(await states()).toEqual(['repaired']);
    });
  });
});
