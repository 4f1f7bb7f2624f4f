import { describe, expect, it } from 'vitest';
import { inOrg } from '../helpers/simulator-org.ts';
import { useResyncs } from './resync-world.ts';

describe('verifications', () => {
  const { mirror, run, differences } = useResyncs({ accounts: 50 });
  const verify = (repairs = false) => run({ mode: 'verify', repairs });
  const damage = (sql: string, ...values: unknown[]) => mirror.database.rows(sql, values);
  const ids = () => [...mirror.simulator.org.records()].map(({ id }) => id);
  const found = async ({ id }: Record<string, unknown>) =>
    (await differences(String(id))).map(({ account_id, kind, fields: names }) => [
      account_id,
      kind,
      ...names,
    ]);

  it('a verification finds nothing in an equal mirror and changes nothing', async () => {
    await run();
    const before = await mirror.database.rows('select * from accounts order by id');
    const done = await verify();
    expect(done).toMatchObject({ state: 'done', read: 50, unchanged: 50, different: 0, mode: 'verify' });
    expect(done['verified_through']).toEqual(done['read_at']);
    expect(await mirror.database.rows('select * from accounts order by id')).toEqual(before);
    expect(await mirror.database.rows('select from resync_seen')).toEqual([]);
  });

  it('a verification reports how each account differs', async () => {
    inOrg(mirror.simulator).updateQuietly(ids()[9] ?? '', { SignUpCode__c: 'held-in-sf' });
    await run();
    const [changed, compound, nulled, removed, buried, column, code] = [0, 1, 2, 3, 4, 5, 9].map(
      (at) => ids()[at],
    );
    await damage(`update accounts set fields = fields || '{"Phone": "0"}' where id = $1`, changed);
    await damage(
      `update accounts set fields = jsonb_set(fields, '{BillingAddress}', '{"City": "Nowhere"}') where id = $1`,
      compound,
    );
    await damage(`update accounts set fields = fields - 'LastModifiedDate' where id = $1`, nulled);
    await damage('delete from accounts where id = $1', removed);
    await damage(
      `update accounts set fields = fields || '{"IsDeleted": true}', deleted = true where id = $1`,
      buried,
    );
    await damage(`update accounts set name = 'Only the column' where id = $1`, column);
    await damage(`update accounts set signup_code = null, code_state = 'none' where id = $1`, code);
    await damage(
      `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at)
       values ('001999999999999AAA', '{"Name": "Invented"}', '1.0.0.1', '{}', '1.0.0.1', now(), now())`,
    );
    const done = await verify();
    expect(done).toMatchObject({ state: 'done', different: 8 });
    const rows = await found(done);
    expect(new Map(rows.map(([id, ...rest]) => [id, id === compound ? rest.slice(0, 2) : rest]))).toEqual(
      new Map<string | undefined, unknown>([
        [changed, ['fields', 'Phone']],
        [compound, ['fields', 'BillingAddress.City']],
        [nulled, ['fields', 'LastModifiedDate']],
        [removed, ['missing']],
        [buried, ['fields', 'IsDeleted']],
        [column, ['fields', 'Name']],
        [code, ['fields', 'signupCode']],
        ['001999999999999AAA', ['not visible']],
      ]),
    );
  });

  it('a verification repairs and records what it finds if requested', async () => {
    await run();
    await damage(`update accounts set name = 'Wrong' where id = $1`, ids()[0]);
    await damage('delete from accounts where id = $1', ids()[1]);
    expect(await verify(true)).toMatchObject({ different: 2 });
    expect(await verify()).toMatchObject({ different: 0, unchanged: 50 });
    expect(await mirror.database.rows('select cause, state, account_ids from incidents')).toEqual([
      { cause: 'difference', state: 'closed', account_ids: [ids()[0], ids()[1]].sort() },
    ]);
  });

  it('a verification since a moment or of some accounts compares only those', async () => {
    await run();
    const [one = '', other = ''] = ids();
    await damage(`update accounts set name = 'Wrong' where id = any($1)`, [one, other]);
    expect(await run({ scope: 'accounts', mode: 'verify', accountIds: [one] })).toMatchObject({
      different: 1,
      read: 1,
    });
    const lost = inOrg(mirror.simulator).createQuietly({ Name: 'Lost Ltd' });
    const done = await run({ scope: 'since', mode: 'verify', since: new Date(Date.now() - 60_000) });
    expect(await found(done)).toEqual([[lost, 'missing']]);
  });
});

describe('sampled verifications', () => {
  const { mirror, run, differences } = useResyncs({ accounts: 50 });
  const sample = (repairs = false) => run({ mode: 'sample', repairs }, 1_000_000);
  const ids = () => [...mirror.simulator.org.records()].map(({ id }) => id);
  const found = async ({ id }: Record<string, unknown>) =>
    (await differences(String(id))).map(({ account_id, kind }) => [account_id, kind]);

  it('a sample compares everything the first time and needs a few calls from then on', async () => {
    expect(await sample()).toMatchObject({ read: 50, different: 50 });
    await run();
    const before = mirror.simulator.allowance.used;
    const done = await sample();
    expect(done).toMatchObject({ read: 0, different: 0 });
    expect(done['verified_through']).toEqual(done['read_at']);
    // Counts of months, days and hours, what changed, how many, and what the fields are.
    expect(mirror.simulator.allowance.used - before).toBeLessThanOrEqual(7);
  });

  it('a sample finds and repairs lost changes, creations and deletions', async () => {
    await run();
    const [changed = '', deleted = '', purged = ''] = ids();
    inOrg(mirror.simulator).updateQuietly(changed, { Name: 'Renamed Ltd' });
    inOrg(mirror.simulator).deleteQuietly(deleted);
    const created = inOrg(mirror.simulator).createQuietly({ Name: 'New Ltd' });
    await mirror.database.rows(
      `insert into accounts (id, fields, base_version, field_versions, version, modified_at, synced_at, changed_at)
       select '001999999999999AAA', fields, base_version, field_versions, version, modified_at, now(), now()
         from accounts where id = $1`,
      [purged],
    );
    const done = await sample(true);
    expect(await found(done)).toEqual(
      [
        [changed, 'fields'],
        [deleted, 'extra'],
        [created, 'missing'],
        ['001999999999999AAA', 'not visible'],
      ].sort(),
    );
    expect(await run({ mode: 'verify' })).toMatchObject({ different: 0 });
  });

  it('a sample finds damage that shows in a count', async () => {
    await run();
    const [removed = '', moved = ''] = ids();
    await mirror.database.rows('delete from accounts where id = $1', [removed]);
    await mirror.database.rows(
      `update accounts set modified_at = modified_at - interval '1 year' where id = $1`,
      [moved],
    );
    expect(await found(await sample())).toEqual(
      [
        [removed, 'missing'],
        [moved, 'fields'],
      ].sort(),
    );
  });
});
