import { describe, expect, it, onTestFinished } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import { formatVersion, type Version } from '../../src/apply/version.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { rereadAccounts, runResync } from '../../src/resync/run-resync.ts';
import { eventually } from '../helpers/eventually.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { accountTopic, inOrg } from '../helpers/simulator-org.ts';

const goOn = new AbortController().signal;
const unknownId = '001999999999999AAA';

describe('resyncs', () => {
  const mirror = useMirrorOfSimulator();

  const resyncRow = async (id: string) =>
    (await mirror.database.rows('select * from resyncs where id = $1', [id]))[0];
  const run = async (request: Parameters<typeof mirror.request>[0]) => {
    const id = await mirror.request(request);
    await runResync(mirror.context, id, goOn);
    return resyncRow(id);
  };
  const all = () => run({ scope: 'all', reason: 'manual' });
  const setWatermark = (version: Version) =>
    mirror.database.rows('update subscriptions set watermark = $1', [formatVersion(version)]);
  const apply = (
    accountId: string,
    version: Version,
    Name: string,
    kind: 'snapshot' | 'patch' = 'snapshot',
  ) =>
    inTransaction(mirror.database.pool, (client) =>
      applyChanges(
        client,
        [
          {
            accountId,
            change: {
              version,
              kind,
              values: new Map<string, string | boolean>([
                ['Name', Name],
                ['IsDeleted', false],
              ]),
            },
            eligible: false,
            gap: false,
          },
        ],
        codeRules({ field: 'SignUpCode__c' }),
      ),
    );

  it('a full resync fills the mirror, counts, and marks it as loaded', async () => {
    expect(await all()).toMatchObject({
      state: 'done',
      read: 5,
      created: 5,
      updated: 0,
      unchanged: 0,
      deleted: 0,
      error: null,
      finished_at: expect.any(Date),
    });
    const names = await mirror.database.rows('select name from accounts order by id');
    expect(names.map(({ name }) => name)).toEqual(
      [...mirror.simulator.org.records()].map(({ values }) => values['Name']),
    );
    const [subscription] = await mirror.database.rows('select loaded_at from subscriptions');
    expect(subscription?.['loaded_at']).toBeInstanceOf(Date);
  });

  it('a second full resync changes nothing', async () => {
    await all();
    const before = await mirror.database.rows('select id, revision, changed_at from accounts order by id');
    expect(await all()).toMatchObject({ read: 5, created: 0, updated: 0, unchanged: 5 });
    expect(await mirror.database.rows('select id, revision, changed_at from accounts order by id')).toEqual(
      before,
    );
  });

  it('a full resync finds what was changed, created and deleted without an event', async () => {
    await all();
    const [changed = '', deleted = ''] = [...mirror.simulator.org.records()].map(({ id }) => id);
    inOrg(mirror.simulator).updateQuietly(changed, { Name: 'Renamed Ltd' });
    inOrg(mirror.simulator).deleteQuietly(deleted);
    const created = inOrg(mirror.simulator).createQuietly({ Name: 'New Ltd' });
    expect(await all()).toMatchObject({ created: 1, updated: 2, deleted: 1 });
    expect(await mirror.account(changed)).toMatchObject({ name: 'Renamed Ltd', deleted: false });
    expect(await mirror.account(deleted)).toMatchObject({ deleted: true });
    expect(await mirror.account(created)).toMatchObject({ name: 'New Ltd', deleted: false });
  });

  it('a full resync gives a code to an account created since Tidemark began and to no older one', async () => {
    const created = inOrg(mirror.simulator).createQuietly({ Name: 'New Ltd' });
    await all();
    expect(await mirror.account(created)).toMatchObject({ code_state: 'pending' });
    const states = await mirror.database.rows('select code_state from accounts where id <> $1', [created]);
    expect(states.map((row) => row['code_state'])).toEqual(Array(5).fill('none'));
  });

  it('a full resync gives codes to older accounts if they are to have them', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'manual' });
    const codes = codeRules({ field: 'SignUpCode__c', backfill: true });
    await runResync({ ...mirror.context, codes }, id, goOn);
    const states = await mirror.database.rows('select code_state from accounts');
    expect(states.map((row) => row['code_state'])).toEqual(Array(5).fill('pending'));
  });

  it.each([
    ['no event was ever applied', undefined],
    ['the last event is older than what is known of the account', [1_000, 1n, 1, 0] as const],
  ])(
    'an account that Salesforce does not have even in its recycle bin is marked deleted if %s',
    async (_, watermark) => {
      if (watermark !== undefined) await setWatermark(watermark);
      await apply(unknownId, [Date.now(), 5n, 1, 0], 'Purged Ltd');
      expect(await all()).toMatchObject({ deleted: 1 });
      const row = await mirror.account(unknownId);
      expect(row).toMatchObject({ deleted: true, name: 'Purged Ltd' });
      expect(Number(row?.['deleted_at'])).toBeGreaterThan(Date.UTC(2020, 0));
    },
  );

  it('a read wins over events up to the watermark and loses to later ones of the same second', async () => {
    const [id = '', other = ''] = [...mirror.simulator.org.records()].map((record) => record.id);
    const second = Math.floor(Date.now() / 1000) * 1000;
    const name = mirror.simulator.org.record(id)?.values['Name'];
    await all();
    await setWatermark([second, 7n, 2, 0]);
    await apply(id, [second, 7n, 2, 0], 'Known before the reading', 'patch');
    await apply(other, [second, 7n, 3, 0], 'Committed after it', 'patch');
    await all();
    expect([(await mirror.account(id))?.['name'], (await mirror.account(other))?.['name']]).toEqual([
      name,
      'Committed after it',
    ]);
  });

  it('a resync since a moment reads what was changed from then on, including deletions', async () => {
    await all();
    const since = new Date(Date.now() - 60_000);
    const gone = inOrg(mirror.simulator).createQuietly({ Name: 'Gone Ltd' });
    inOrg(mirror.simulator).deleteQuietly(gone);
    inOrg(mirror.simulator).createQuietly({ Name: 'New Ltd' });
    expect(await run({ scope: 'since', since, reason: 'manual' })).toMatchObject({
      read: 2,
      created: 2,
      deleted: 1,
    });
  });

  it('a resync since a moment finds purged records, which have no time of change any more', async () => {
    await all();
    await mirror.database.rows(
      `insert into accounts (id, fields, base_version, field_versions, version, modified_at, synced_at, changed_at)
       select '${unknownId}', fields, base_version, field_versions, version, modified_at, now(), now()
         from accounts limit 1`,
    );
    const since = new Date(Date.now() - 60_000);
    expect(await run({ scope: 'since', since, reason: 'manual' })).toMatchObject({ deleted: 1 });
    expect(await mirror.account(unknownId)).toMatchObject({ deleted: true });
    expect(await mirror.database.rows('select from accounts where not deleted')).toHaveLength(5);
  });

  it('fields added during a read are unchanged and are read in another resync', async () => {
    await all();
    const [id = ''] = [...mirror.simulator.org.records()].map((record) => record.id);
    const request = await mirror.request({ scope: 'all', reason: 'manual' });
    await expect(
      runResync(mirror.context, request, AbortSignal.abort(new Error('stopping'))),
    ).rejects.toThrow();
    const { context } = mirror;
    const interrupted = new AbortController();
    mirror.simulator.faults.start('rest.slow', { delayMs: 300, path: 'ORDER' });
    const begun = runResync(context, request, interrupted.signal).catch(() => {});
    await eventually('the read has started', async () => (await resyncRow(request))?.['schema_id'] !== null);
    interrupted.abort();
    await begun;
    mirror.simulator.faults.clearAll();
    mirror.simulator.org.addField({ name: 'Tier__c', type: 'string', length: 20 });
    inOrg(mirror.simulator).updateQuietly(id, { Tier__c: 'gold' });
    const { schemaId = () => '' } = mirror.simulator.bus.topic(accountTopic) ?? {};
    await context.schemas.get(schemaId());
    await apply(id, [Date.now(), 5n, 1, 0], 'Told');
    await mirror.database.rows(
      `update accounts set fields = fields || '{"Tier__c": "gold"}' where id = '${id}'`,
    );
    await runResync(context, request, goOn);
    expect((await mirror.account(id))?.['fields']).toMatchObject({ Tier__c: 'gold' });
    expect(
      await mirror.database.rows(`select scope, reason, fields from resyncs where state = 'queued'`),
    ).toEqual([{ scope: 'fields', reason: 'schema change', fields: ['Tier__c'] }]);
  });

  it('a resync of some accounts reads only those', async () => {
    const [id = ''] = [...mirror.simulator.org.records()].map((record) => record.id);
    const accountIds = [id, unknownId];
    expect(await run({ scope: 'accounts', accountIds, reason: 'manual' })).toMatchObject({
      read: 1,
      created: 1,
    });
    expect(await mirror.database.rows('select id from accounts')).toEqual([{ id }]);
  });

  it('a record that the database refuses is counted and the others are merged', async () => {
    await mirror.database.rows(
      `alter table salesforce.account add constraint refuse check (name <> 'Refused Ltd')`,
    );
    onTestFinished(async () => {
      await mirror.database.rows('alter table salesforce.account drop constraint refuse');
    });
    const refused = inOrg(mirror.simulator).createQuietly({ Name: 'Refused Ltd' });
    expect(await all()).toMatchObject({ state: 'failed', read: 6, created: 5, failed: 1 });
    expect(await mirror.account(refused)).toBeUndefined();
    const [ok = ''] = [...mirror.simulator.org.records()].map(({ id }) => id);
    inOrg(mirror.simulator).updateQuietly(ok, { Name: 'Renamed Ltd' });
    await rereadAccounts(mirror.context, [refused, ok]);
    expect(await mirror.account(ok)).toMatchObject({ name: 'Renamed Ltd' });
  });

  it('a finished resync is not run again', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'manual' });
    await runResync(mirror.context, id, goOn);
    const before = await resyncRow(id);
    await runResync(mirror.context, id, goOn);
    expect(await resyncRow(id)).toEqual(before);
  });

  it('an interrupted resync starts again and counts from zero', async () => {
    const id = await mirror.request({ scope: 'all', reason: 'manual' });
    await expect(runResync(mirror.context, id, AbortSignal.abort(new Error('stopping')))).rejects.toThrow(
      'stopping',
    );
    expect(await resyncRow(id)).toMatchObject({ state: 'reading', read: 0 });
    await runResync(mirror.context, id, goOn);
    expect(await resyncRow(id)).toMatchObject({ state: 'done', read: 5 });
  });
});

describe('reads of single accounts', () => {
  const mirror = useMirrorOfSimulator();

  it('a read makes a stale account certain', async () => {
    const [id = ''] = [...mirror.simulator.org.records()].map((record) => record.id);
    await inTransaction(mirror.database.pool, (client) =>
      applyChanges(
        client,
        [
          {
            accountId: id,
            change: { version: [1_000, 1n, 1, 0], kind: 'patch', values: new Map() },
            eligible: false,
            gap: true,
          },
        ],
        codeRules({ field: 'SignUpCode__c' }),
      ),
    );
    expect((await mirror.account(id))?.['stale_version']).not.toBeNull();
    await rereadAccounts(mirror.context, [id]);
    expect(await mirror.account(id)).toMatchObject({
      stale_version: null,
      name: mirror.simulator.org.record(id)?.values['Name'],
    });
  });

  it('an unknown account and one in the recycle bin are marked deleted', async () => {
    const binned = inOrg(mirror.simulator).createQuietly({ Name: 'Binned Ltd' });
    inOrg(mirror.simulator).deleteQuietly(binned);
    await inTransaction(mirror.database.pool, (client) =>
      applyChanges(
        client,
        [unknownId, binned].map((accountId) => ({
          accountId,
          change: { version: [1_000, 1n, 1, 0], kind: 'patch', values: new Map() },
          eligible: false,
          gap: true,
        })),
        codeRules({ field: 'SignUpCode__c' }),
      ),
    );
    await mirror.database.rows(`update subscriptions set watermark = '1000.1.1.0'`);
    await rereadAccounts(mirror.context, [unknownId, binned]);
    expect(await mirror.database.rows('select deleted, stale_version from accounts')).toEqual([
      { deleted: true, stale_version: null },
      { deleted: true, stale_version: null },
    ]);
  });

  it('an account that neither side has is not created', async () => {
    await rereadAccounts(mirror.context, [unknownId]);
    expect(await mirror.database.rows('select from accounts')).toEqual([]);
  });

  it('more accounts than fit in one query are read', async () => {
    const ids = Array.from({ length: 450 }, (_, index) =>
      inOrg(mirror.simulator).createQuietly({ Name: `A${index}` }),
    );
    await rereadAccounts(mirror.context, ids);
    expect(await mirror.database.rows('select from accounts')).toHaveLength(450);
  });
});
