import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { queues } from '../../src/db/jobs.ts';
import { repairByResync } from '../../src/incidents/detected-gaps.ts';
import { sweep } from '../../src/maintenance/sweep.ts';
import { rereadAccounts, runResync } from '../../src/resync/run-resync.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { accountTopic, inOrg } from '../helpers/simulator-org.ts';

const goOn = new AbortController().signal;
const refusedName = 'Refused Ltd';

describe('a record that the database refuses', () => {
  const mirror = useMirrorOfSimulator();
  let refused = '';

  beforeEach(async () => {
    await mirror.database.rows(
      `alter table salesforce.account add constraint refuse check (name <> '${refusedName}')`,
    );
    refused = inOrg(mirror.simulator).createQuietly({ Name: refusedName });
  });
  afterEach(() => permit());

  const permit = () =>
    mirror.database.rows('alter table salesforce.account drop constraint if exists refuse');
  const resyncRow = async (id: string) =>
    (await mirror.database.rows('select * from resyncs where id = $1', [id]))[0];
  const run = async (request: Parameters<typeof mirror.request>[0]) => {
    const id = await mirror.request(request);
    await runResync(mirror.context, id, goOn);
    return resyncRow(id);
  };
  const load = () => run({ scope: 'all', reason: 'initial' });
  const reread = (...ids: string[]) => rereadAccounts(mirror.context, ids);
  const incidents = () =>
    mirror.database.rows('select cause, state, account_ids as ids from incidents order by id');
  const isLoaded = async () =>
    (await mirror.database.rows('select loaded_at is not null as loaded from subscriptions'))[0]?.['loaded'];
  const failedRecords = () => mirror.database.rows('select account_id as id, attempts from failed_records');
  const failedAgo = (interval: string) =>
    mirror.database.rows(`update failed_records set failed_at = now() - interval '${interval}'`);

  it('a load with a record that can not be stored fails with the number and the ids, and is not complete', async () => {
    expect(await load()).toMatchObject({
      state: 'failed',
      read: 6,
      created: 5,
      failed: 1,
      error: expect.stringContaining(`1 of the records that were read cannot be stored: ${refused}.`),
    });
    expect(await isLoaded()).toBe(false);
    expect(await failedRecords()).toEqual([{ id: refused, attempts: 1 }]);
    expect(await incidents()).toEqual([{ cause: 'failed record', state: 'open', ids: [refused] }]);
  });

  it('a load is complete and its incident closed once the record is stored', async () => {
    await load();
    await reread(refused);
    expect(await incidents()).toEqual([{ cause: 'failed record', state: 'open', ids: [refused] }]);
    await permit();
    await reread(refused);
    expect(await mirror.account(refused)).toMatchObject({ name: refusedName });
    expect(await isLoaded()).toBe(true);
    expect(await failedRecords()).toEqual([]);
    expect(await incidents()).toMatchObject([{ cause: 'failed record', state: 'closed' }]);
  });

  it('a load is complete once the record has a value that can be stored', async () => {
    await load();
    inOrg(mirror.simulator).updateQuietly(refused, { Name: 'Renamed Ltd' });
    await reread(refused);
    expect(await isLoaded()).toBe(true);
  });

  it('a repair that can not store a record leaves its incident open for that record', async () => {
    const id = await inTransaction(mirror.database.pool, (client) =>
      repairByResync({ topic: accountTopic, jobs: mirror.jobs }, client, {
        cause: 'overflow',
        detail: 'A transaction was too large.',
        request: { scope: 'all', reason: 'overflow' },
      }),
    );
    await runResync(mirror.context, id, goOn);
    expect(await incidents()).toEqual([
      { cause: 'overflow', state: 'open', ids: [refused] },
      { cause: 'failed record', state: 'open', ids: [refused] },
    ]);
    await permit();
    await reread(refused);
    expect(await incidents()).toMatchObject([{ state: 'closed' }, { state: 'closed' }]);
  });

  it('a comparison repairs what it can and fails for a record that can not be stored', async () => {
    await permit();
    await load();
    const [other = ''] = [...mirror.simulator.org.records()].map(({ id }) => id);
    inOrg(mirror.simulator).updateQuietly(other, { Name: 'Other Ltd' });
    inOrg(mirror.simulator).updateQuietly(refused, { Phone: '1' });
    await mirror.database.rows(
      `alter table salesforce.account add constraint refuse check (name <> '${refusedName}') not valid`,
    );
    const row = await run({ scope: 'all', mode: 'verify', repairs: true, reason: 'schedule' });
    expect(row).toMatchObject({ state: 'failed', different: 2, error: expect.stringContaining(refused) });
    expect(await mirror.account(other)).toMatchObject({ name: 'Other Ltd' });
    expect(await incidents()).toContainEqual({ cause: 'difference', state: 'open', ids: [refused] });
  });

  it('a record that can not be stored is read again after a quarter of an hour, and no load is requested', async () => {
    await load();
    const context = {
      pool: mirror.database.pool,
      prisma: mirror.database.prisma,
      topic: accountTopic,
      jobs: mirror.jobs,
    };
    await sweep(context);
    expect(await mirror.jobKeys(queues.reread)).toEqual([]);
    await failedAgo('16 minutes');
    await sweep(context);
    expect(await mirror.jobKeys(queues.reread)).toEqual([refused]);
    expect(await mirror.jobKeys(queues.fullResync)).toEqual([]);
  });
});
