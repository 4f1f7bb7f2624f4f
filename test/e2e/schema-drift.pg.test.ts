import pg from 'pg';
import { pino } from 'pino';
import type { NewField } from 'salesforce-simulator/org/field-catalog.ts';
import { manyFields } from 'salesforce-simulator/org/many-fields.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { advisoryLocks } from '../../src/db/advisory-locks.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

describe('the limit of 300 columns', () => {
  it('fields below, at and beyond the limit are mirrored alike, and only those up to it have columns', async () => {
    await using mirror = await openMirror({ simulator: { accounts: 5, customFields: 200 } });
    const { org } = mirror.simulator;
    const [changed = '', silent = ''] = mirror.accountIds();
    const fields = manyFields(320).map(({ name }) => ({ name, type: 'string' as const }));
    let used = 200;
    let healed = 0;
    const columns = async () => {
      const [row] = await mirror.sql<{ count: number }>('select count(*)::int as count from mirror_columns');
      return row?.count ?? 0;
    };
    const healedAgain = async (): Promise<void> => {
      healed++;
      await mirror.until('the change is found', async () => {
        const found = (await mirror.incidents()).filter(({ cause }) => cause === 'schema changed');
        return found.length === healed;
      });
      await mirror.healed();
    };
    /** Adds fields until all of them would have this many columns. @returns the last one */
    const growTo = async (size: number): Promise<string> => {
      const added = fields.slice(used, used + size - Math.min(300, await columns()));
      used += added.length;
      org.addFields(added);
      const last = added.at(-1)?.name ?? '';
      mirror.changeSilently(silent, { [last]: `read ${size}` });
      await mirror.salesforce.update(changed, { [last]: `event ${size}` });
      await healedAgain();
      return last;
    };
    const stored = async (id: string, name: string) =>
      (
        await mirror.sql(
          `select to_jsonb(a) ->> lower($2) as "column", additional_fields ->> $2 as additional
             from salesforce.account a where id = $1`,
          [id, name],
        )
      )[0];
    for (const size of [299, 300, 301]) {
      const last = await growTo(size);
      expect(await columns()).toBe(Math.min(size, 300));
      for (const [id, value] of [
        [changed, `event ${size}`],
        [silent, `read ${size}`],
      ] as const) {
        expect((await mirror.account(id)).fields[last]).toBe(value);
        const [column, additional] = size <= 300 ? [value, null] : [null, value];
        expect(await stored(id, last)).toEqual({ column, additional });
      }
      await mirror.salesforce.update(changed, { [last]: null });
      await mirror.accountWhen(changed, 'the field is cleared', (now) => now.fields[last] == null);
    }
    expect(await mirror.failedEvents()).toEqual([]);
  });

  it('a compound field of which only some parts have columns has all its parts', async () => {
    await using mirror = await openMirror({ simulator: { accounts: 5, customFields: 200 } });
    const { org } = mirror.simulator;
    const [id = ''] = mirror.accountIds();
    const columns = async (condition: string) => {
      const [row] = await mirror.sql<{ count: number }>(
        `select count(*)::int as count from mirror_columns where ${condition}`,
      );
      return row?.count ?? 0;
    };
    const parts = ['Street', 'City', 'State', 'PostalCode', 'Country'];
    org.addFields(manyFields(320).slice(200, 498 - (await columns('true'))));
    await mirror.salesforce.update(id, { Phone: '1' });
    await mirror.until('two columns are left', async () => (await columns('true')) === 298);
    await mirror.healed();
    org.addFields([
      { name: 'OfficeAddress', type: 'address', custom: true, createable: false, updateable: false },
      ...parts.map((part) => ({
        name: `Office${part}`,
        type: 'string' as const,
        custom: true,
        compoundFieldName: 'OfficeAddress',
      })),
    ]);
    const values = { OfficeStreet: '1 Quay', OfficeCity: 'Hull', OfficeCountry: 'GB' };
    await mirror.salesforce.update(id, values);
    const office = { Street: '1 Quay', City: 'Hull', Country: 'GB' };
    await mirror.accountWhen(id, 'the address is there', (now) => 'OfficeAddress' in now.fields);
    await mirror.until(
      'the change is found',
      async () => (await mirror.incidents()).filter(({ cause }) => cause === 'schema changed').length === 2,
    );
    await mirror.healed();
    expect((await mirror.account(id)).fields['OfficeAddress']).toEqual(office);
    expect(await columns(`path like 'OfficeAddress.%'`)).toBe(2);
    await mirror.salesforce.update(id, { OfficeStreet: null, OfficeCountry: 'IE' });
    const moved = await mirror.accountWhen(
      id,
      'the address has changed',
      (now) => (now.fields['OfficeAddress'] as typeof office).Country === 'IE',
    );
    expect(moved.fields['OfficeAddress']).toEqual({ City: 'Hull', Country: 'IE' });
  });
});

describe('the table of accounts, changed by hand or with views and indexes of users', {
  timeout: 120_000,
}, () => {
  const log: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void log.push(line) });
  let mirror: LiveMirror;
  let person: pg.Client;

  beforeAll(async () => {
    mirror = await openMirror({ tidemark: { logger } });
    person = new pg.Client({ connectionString: mirror.database.url });
    await person.connect();
  });
  afterAll(async () => {
    await person.end();
    await mirror[Symbol.asyncDispose]();
  });

  // What a test that failed still holds would make the next ones fail.
  afterEach(() => person.query('select pg_advisory_unlock_all()'));

  const accounts = async () => {
    const rows = await mirror.sql<{ id: string; fields: object; code: string | null; deleted: boolean }>(
      'select id, fields, coalesce(signup_code, pending_signup_code) as code, deleted from accounts order by id',
    );
    return new Map(rows.map(({ id, ...rest }) => [id, rest]));
  };
  const tableChanges = async () =>
    (
      await mirror.get<{ data: { detail: string; state: string }[] }>(
        '/v1/incidents?cause=table%20changed&limit=200',
      )
    ).data;
  const healedAfter = async (count: number): Promise<void> => {
    await mirror.until('the loss is found', async () => (await tableChanges()).length > count);
    await mirror.healed();
    await mirror.worked();
    await mirror.codesConfirmed();
  };

  it('a table that is dropped while the service runs is named as the cause, created again, and read again', async () => {
    const [id = '', gone = ''] = mirror.accountIds();
    mirror.inOneTransaction((tx) => tx.delete(gone));
    await mirror.settled();
    await mirror.codesConfirmed();
    const before = await accounts();
    const { length: known } = await tableChanges();
    // Delays the restoration.
    await person.query(`select pg_advisory_lock(${advisoryLocks.accountWrites})`);
    await person.query('drop table salesforce.account cascade');
    await mirror.salesforce.update(id, { Industry: 'While missing' });
    await mirror.until('readiness names the cause', async () => {
      const response = await mirror.tidemark.request('GET', '/health/ready');
      const { reasons = [] } = (await response.json()) as { reasons?: string[] };
      return reasons.some((reason) =>
        /^The table of accounts or one of its views is missing: removed by hand\./.test(reason),
      );
    });
    expect((await mirror.tidemark.request('GET', `/v1/accounts/${id}`)).status).toBe(503);
    await mirror.until('the log says why it is not restored', async () =>
      log.some((line) => line.includes('the table of accounts cannot be restored yet; retrying')),
    );
    await person.query('select pg_advisory_unlock_all()');
    await healedAfter(known);
    expect((await tableChanges())[0]?.detail).toMatch(/read again: all fields\.$/);
    const after = await accounts();
    expect([...after.keys()]).toEqual(expect.arrayContaining([...before.keys()]));
    expect(after.get(id)?.fields).toMatchObject({ Industry: 'While missing' });
    for (const [each, account] of before)
      if (each !== id && each !== gone) expect(after.get(each)).toEqual(account);
    expect(after.get(gone)).toMatchObject({ deleted: true, fields: { Name: expect.any(String) } });
    expect(after.get(id)?.code).toBe(before.get(id)?.code);
    expect(await mirror.failedEvents()).toEqual([]);
    expect((await mirror.tidemark.request('GET', '/health/ready')).status).toBe(200);
  });

  it.each([
    ['the table', 'drop table salesforce.account cascade', /all fields\.$/],
    ['a column', 'alter table salesforce.account drop column industry cascade', /: Industry\.$/],
    ['the primary key column', 'alter table salesforce.account drop column id cascade', /all fields\.$/],
  ])(
    '%s that is dropped while the service is stopped is restored by the start and read again',
    async (_, sql, detail) => {
      const [id = ''] = mirror.accountIds();
      await mirror.salesforce.update(id, { Industry: 'Kept' });
      await mirror.settled();
      await mirror.codesConfirmed();
      const before = await accounts();
      const { length: known } = await tableChanges();
      await mirror.stop();
      await person.query(sql);
      await mirror.startAgain();
      await healedAfter(known);
      expect((await tableChanges())[0]?.detail).toMatch(detail);
      const after = await accounts();
      for (const [each, account] of before) expect(after.get(each)).toEqual(account);
      expect(await mirror.failedEvents()).toEqual([]);
    },
  );

  it('a view whose columns were changed by hand is renamed, logged and created again, and delays no event', async () => {
    const [id = ''] = mirror.accountIds();
    await person.query('drop view if exists salesforce.account_live cascade');
    await person.query(
      'create view salesforce.account_live as select name, id, isdeleted from salesforce.account',
    );
    await person.query('create view salesforce.on_live as select name from salesforce.account_live');
    log.length = 0;
    mirror.simulator.org.addField({ name: 'Fresh__c', type: 'string' });
    await mirror.salesforce.update(id, { Fresh__c: 'new' });
    await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Fresh__c'] === 'new');
    expect(await mirror.sql('select fresh__c from salesforce.account_live where id = $1', [id])).toEqual([
      { fresh__c: 'new' },
    ]);
    expect(await mirror.sql('select name from salesforce.on_live')).not.toEqual([]);
    expect(log.join()).toContain('"views":["account_live_changed"]');
    expect(await mirror.failedEvents()).toEqual([]);
  });

  it('a view on a field and an index on it stay when the field is added, removed, created again, retyped or renamed', async () => {
    const { org } = mirror.simulator;
    const [id = ''] = mirror.accountIds();
    const kinds = ['removed', 'recreated', 'retyped', 'renamed'] as const;
    const fieldOf = (kind: string): NewField & { readonly type: 'string' } => ({
      name: `${kind}__c`,
      type: 'string',
    });
    org.addFields(kinds.map(fieldOf));
    await mirror.salesforce.update(id, Object.fromEntries(kinds.map((kind) => [`${kind}__c`, kind])));
    await mirror.settled();
    await mirror.healed();
    for (const kind of kinds) {
      await mirror.sql(`create view salesforce.own_${kind} as select id, ${kind}__c from salesforce.account`);
      await mirror.sql(
        `create view salesforce.own_live_${kind} as select id, ${kind}__c from salesforce.account_live`,
      );
      await mirror.sql(`create index own_index_${kind} on salesforce.account (${kind}__c)`);
    }
    const read = async () => {
      const columns = kinds.map((kind) => `v_${kind}.${kind}__c as ${kind}`).join(', ');
      const views = kinds.flatMap((kind) => [
        `join salesforce.own_${kind} v_${kind} using (id)`,
        `join salesforce.own_live_${kind} l_${kind} using (id)`,
      ]);
      return (
        await mirror.sql(`select ${columns} from salesforce.account a ${views.join(' ')} where a.id = $1`, [
          id,
        ])
      )[0];
    };
    expect(await read()).toEqual(Object.fromEntries(kinds.map((kind) => [kind, kind])));

    await mirror.stop();
    org.removeField('removed__c');
    org.removeField('recreated__c');
    org.addField(fieldOf('recreated'));
    org.changeField('retyped__c', { type: 'double', custom: true, scale: 2 });
    org.removeField('renamed__c');
    org.addField(fieldOf('newname'));
    org.addField(fieldOf('added'));
    mirror.changeSilently(id, { newname__c: 'renamed', recreated__c: 'new', retyped__c: 4.5 });
    await mirror.startAgain();
    await mirror.accountWhen(id, 'the fields are read', ({ fields }) => fields['newname__c'] === 'renamed');
    await mirror.healed();
    await mirror.salesforce.update(id, { added__c: 'now' });
    await mirror.accountWhen(id, 'the field is there', ({ fields }) => fields['added__c'] === 'now');

    // The column of a retyped field keeps what it had until the field is written; the new type has another column.
    expect(await read()).toEqual({ removed: 'removed', recreated: 'new', retyped: null, renamed: 'renamed' });
    expect(
      await mirror.sql(
        'select added__c, newname__c, recreated__c, retyped__c_2 from salesforce.account_live where id = $1',
        [id],
      ),
    ).toEqual([{ added__c: 'now', newname__c: 'renamed', recreated__c: 'new', retyped__c_2: '4.5' }]);
    expect(
      await mirror.sql(
        `select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
          where c.relname like 'own\\_index\\_%' and i.indisvalid order by 1`,
      ),
    ).toEqual([...kinds].sort().map((kind) => ({ name: `own_index_${kind}` })));
    expect(await mirror.failedEvents()).toEqual([]);
  });
});
