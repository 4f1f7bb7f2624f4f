import pg from 'pg';
import type { NewField } from 'salesforce-simulator/org/field-catalog.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase } from '../helpers/database.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate, type RestGate, type Rule, type StandingRule } from '../helpers/rest-gate.ts';
import { startTidemark, type TidemarkOverrides } from '../helpers/tidemark.ts';

type Reason = { readonly code: string; readonly message: string; readonly action: string };
type Status = {
  readonly reasons: readonly Reason[];
  readonly calculatedFields: { readonly names: readonly string[]; readonly refreshedAt: string | null };
  readonly unreadableFields: readonly { readonly name: string }[];
  readonly unmirroredFields: readonly { readonly name: string; readonly reason: string }[];
};
type FieldIncident = { readonly cause: string; readonly state: string; readonly detail: string };
type FieldResync = { readonly scope: string; readonly fields: readonly string[]; readonly read: number };
type AccountEvent = { readonly kind: string; readonly changes: readonly { readonly field: string }[] };
type HistoryEntry = { readonly kind: string; readonly after?: unknown };

let gate: RestGate;
let mirror: LiveMirror;
let ids: readonly string[];
// What earlier tests left.
let knownIncidents = 0;
let knownResyncs = 0;
const rules: StandingRule[] = [];

beforeAll(async () => {
  gate = await openRestGate();
  mirror = await openMirror({ gate });
  ids = mirror.accountIds();
});
beforeEach(async () => {
  [knownIncidents, knownResyncs] = [0, 0];
  [knownIncidents, knownResyncs] = [(await incidents()).length, (await resyncs()).length];
});
afterEach(async () => {
  for (const rule of rules.splice(0)) rule.release();
  // A change that is read after the end of its test would join the changes of the next one.
  await mirror.healed();
});
afterAll(async () => {
  await mirror[Symbol.asyncDispose]();
  await gate[Symbol.asyncDispose]();
});

const field = async (id: string, name: string): Promise<unknown> =>
  (await mirror.account(id)).fields[name] ?? null;
const status = (): Promise<Status> => mirror.get('/v1/status');
/** Of the test, the newest first. */
const incidents = async (): Promise<readonly FieldIncident[]> => {
  const { data } = await mirror.get<{ data: FieldIncident[] }>(
    '/v1/incidents?cause=schema%20changed&limit=200',
  );
  return data.slice(0, data.length - knownIncidents);
};
/** Of the test, the newest first. */
const resyncs = async (): Promise<readonly FieldResync[]> => {
  const { data } = await mirror.get<{ data: FieldResync[] }>('/v1/resyncs?scope=fields&limit=200');
  return data.slice(0, data.length - knownResyncs);
};
const meet = (rule: Rule): StandingRule => {
  const standing = gate.meet(rule);
  rules.push(standing);
  return standing;
};

/** Waits until Tidemark has found this many changes of fields in the test, and until everything is read. */
async function changesRead(count = 1): Promise<void> {
  await mirror.until('the change is found', async () => (await incidents()).length >= count);
  await mirror.healed();
}

/** Adds fields, and waits until an event with their schema has caused the read of them. */
async function addFields(...fields: readonly NewField[]): Promise<void> {
  mirror.simulator.org.addFields(fields);
  await mirror.settled();
  await changesRead();
}

/** The start compares the fields with Salesforce. */
async function restart(overrides: TidemarkOverrides = {}): Promise<void> {
  await mirror.stop();
  await mirror.startAgain(overrides);
}

/** A read compares the fields with Salesforce first. The tests use other accounts than the one that is read. */
async function compareFields(): Promise<void> {
  const answer = await mirror.tidemark.request('POST', `/v1/accounts/${ids.at(-1)}/resync`);
  expect(answer.status).toBe(202);
}

async function expectVerified(): Promise<void> {
  const { id } = (await (
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all', mode: 'verify' })
  ).json()) as { id: string };
  const done = await mirror.until('the comparison is done', async () => {
    const resync = await mirror.get<{ state: string; verification: { different: number } }>(
      `/v1/resyncs/${id}`,
    );
    return resync.state === 'done' && resync;
  });
  expect(done.verification.different).toBe(0);
}

describe('changes of fields without events for existing records', () => {
  it('an added checkbox has its default in every account after the first event with the new schema', async () => {
    const [touched = '', other = ''] = ids;
    mirror.simulator.org.addField({ name: 'Vip__c', type: 'boolean', defaultValue: true });
    await mirror.salesforce.update(touched, { Phone: '1' });
    await changesRead();
    expect(await field(other, 'Vip__c')).toBe(true);
    expect(await field(touched, 'Vip__c')).toBe(true);
    expect((await mirror.account(touched)).fields['Phone']).toBe('1');
    expect(await incidents()).toMatchObject([
      { state: 'closed', detail: expect.stringContaining('added Vip__c.') },
    ]);
    expect(await resyncs()).toMatchObject([{ scope: 'fields', fields: ['Vip__c'] }]);
    await expectVerified();
  });

  it('the read of an added field is in the history of the accounts whose value it changed', async () => {
    const [id = ''] = ids;
    await addFields(
      { name: 'Filled__c', type: 'boolean', defaultValue: true },
      { name: 'Empty__c', type: 'string' },
    );
    const historyOf = async (name: string) =>
      (await mirror.get<{ data: HistoryEntry[] }>(`/v1/accounts/${id}/fields/${name}/history`)).data;
    expect((await historyOf('Filled__c'))[0]).toMatchObject({ kind: 'reading', after: true });
    expect((await historyOf('Empty__c')).filter(({ after }) => after !== null)).toEqual([]);
    const { data } = await mirror.get<{ data: AccountEvent[] }>(`/v1/accounts/${id}/events?limit=200`);
    const readings = data.filter(({ kind }) => kind === 'reading');
    expect(readings.flatMap(({ changes }) => changes.map((change) => change.field))).toContain('Filled__c');
  });

  it('a field that is created again under its name has the values of the new field', async () => {
    const [id = ''] = ids;
    const { org } = mirror.simulator;
    await addFields({ name: 'Recreated__c', type: 'string' });
    await mirror.salesforce.update(id, { Recreated__c: 'old' });
    await mirror.settled();
    expect(await field(id, 'Recreated__c')).toBe('old');
    org.removeField('Recreated__c');
    org.addField({ name: 'Recreated__c', type: 'string' });
    await restart();
    await changesRead(2);
    expect(await field(id, 'Recreated__c')).toBeNull();
    expect((await incidents())[0]?.detail).toContain('re-created Recreated__c');
    await expectVerified();
  });

  it('values that a shorter length or another type has changed are read again', async () => {
    const [id = ''] = ids;
    const { org } = mirror.simulator;
    await addFields({ name: 'Note__c', type: 'string', length: 40 }, { name: 'Amount__c', type: 'double' });
    await mirror.salesforce.update(id, { Note__c: 'a long note', Amount__c: 2.6 });
    await mirror.settled();
    org.changeField('Note__c', { type: 'string', length: 6 });
    org.changeField('Amount__c', { type: 'int' });
    await compareFields();
    await changesRead(2);
    expect((await mirror.account(id)).fields).toMatchObject({ Note__c: 'a long', Amount__c: 3 });
    expect((await incidents())[0]?.detail).toContain('new type Amount__c; shorter Note__c.');
  });

  it('a removed field, and a field that gets its former type back, are found although their schemas are known', async () => {
    const [id = ''] = ids;
    const { org } = mirror.simulator;
    const columns = async (path: string): Promise<string[]> =>
      (
        await mirror.sql<{ column: string }>(
          `select column_name || ' ' || state as column from mirror_columns where path = $1 order by position`,
          [path],
        )
      ).map(({ column }) => column);
    const untilColumns = (path: string, expected: readonly string[]) =>
      mirror.until(`${path} has the columns ${expected}`, async () => {
        await mirror.settled();
        return (await columns(path)).join() === expected.join();
      });
    org.addField({ name: 'Retyped__c', type: 'string' });
    await untilColumns('Retyped__c', ['retyped__c current']);
    org.changeField('Retyped__c', { type: 'double' });
    await untilColumns('Retyped__c', ['retyped__c replaced', 'retyped__c_2 current']);
    org.changeField('Retyped__c', { type: 'string' });
    await untilColumns('Retyped__c', ['retyped__c current', 'retyped__c_2 replaced']);
    await mirror.salesforce.update(id, { Retyped__c: 'gold' });
    await mirror.settled();
    expect(await mirror.sql('select retyped__c from salesforce.account where id = $1', [id])).toEqual([
      { retyped__c: 'gold' },
    ]);
    org.removeField('Retyped__c');
    await untilColumns('Retyped__c', ['retyped__c removed', 'retyped__c_2 replaced']);
  });

  it('a field with a new default is read again', async () => {
    const { org } = mirror.simulator;
    await addFields({ name: 'Default__c', type: 'string' });
    org.changeField('Default__c', { type: 'string', defaultValue: 'new' });
    await compareFields();
    await changesRead(2);
    expect((await incidents())[0]?.detail).toContain('new default Default__c.');
    expect((await resyncs())[0]).toMatchObject({ fields: ['Default__c'], read: expect.any(Number) });
  });

  it('the status names changed fields until they are read, and further changes join the same incident', async () => {
    const { org } = mirror.simulator;
    // Occupies the queue of reads of all accounts.
    const held = meet({ path: /\/queryAll/, treatment: { kind: 'hold' } });
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    await mirror.until('a read of all accounts waits', async () => held.met > 0);
    org.addField({ name: 'First__c', type: 'boolean' });
    await mirror.settled();
    await mirror.until('the first is found', async () => (await incidents()).length === 1);
    org.addField({ name: 'Second__c', type: 'string' });
    await mirror.settled();
    await mirror.until('the second is found', async () =>
      (await incidents())[0]?.detail.includes('Second__c'),
    );
    expect(await incidents()).toHaveLength(1);
    expect((await resyncs())[0]?.fields).toEqual(['First__c', 'Second__c']);
    expect((await status()).reasons).toContainEqual(
      expect.objectContaining({
        code: 'schema-changed',
        message: expect.stringMatching(/added First__c\. .*added Second__c\./),
        action: expect.stringContaining('read in all accounts automatically'),
      }),
    );
    held.release();
    await mirror.healed();
    expect((await status()).reasons).not.toContainEqual(expect.objectContaining({ code: 'schema-changed' }));
  });

  it('events of a new schema are stored while a long query blocks the new column, and are applied after it', async () => {
    await mirror.codesConfirmed();
    const [first = '', second = ''] = ids;
    const query = new pg.Client({ connectionString: mirror.database.url });
    await query.connect();
    try {
      await query.query('begin; select from salesforce.account limit 1');
      mirror.simulator.org.addField({ name: 'Blocked__c', type: 'string' });
      await mirror.salesforce.update(first, { Blocked__c: 'gold' });
      await mirror.until('the change of the table has given up', async () => {
        const [row] = await mirror.sql<{ code: string | null }>(
          `select apply_fault ->> 'code' as code from subscriptions`,
        );
        return row?.code === 'database-locked';
      });
      await mirror.salesforce.update(second, { Blocked__c: 'silver' });
      await mirror.until('both events are stored', async () => {
        const [row] = await mirror.sql<{ waiting: number }>(
          'select count(*)::int as waiting from event_queue',
        );
        return row?.waiting === 2;
      });
    } finally {
      await query.end();
    }
    for (const [id, tier] of [
      [first, 'gold'],
      [second, 'silver'],
    ] as const)
      await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Blocked__c'] === tier);
    expect(await mirror.sql('select blocked__c from salesforce.account where id = $1', [first])).toEqual([
      { blocked__c: 'gold' },
    ]);
    expect(await mirror.failedEvents()).toEqual([]);
  });

  it('a read is planned again if a field is deleted before the query arrives', async () => {
    const { org } = mirror.simulator;
    await addFields({ name: 'Deleted__c', type: 'string' });
    const held = meet({ path: /\/queryAll\S*Deleted__c/, times: 1, treatment: { kind: 'hold' } });
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    await mirror.until('the query waits', async () => held.met > 0);
    org.removeField('Deleted__c');
    held.release();
    await mirror.healed();
    expect((await mirror.resyncs())[0]).toMatchObject({ scope: 'all', state: 'done' });
  });

  it('a hidden field keeps its values, is listed as unreadable, and is read when it is visible again', async () => {
    const [id = '', deleted = ''] = ids;
    const unreadable = (await status()).unreadableFields;
    await mirror.salesforce.update(id, { Fax: '1' });
    await mirror.salesforce.update(deleted, { Fax: '2' });
    await mirror.settled();
    mirror.simulator.faults.rest.hiddenFields.on({ fields: ['Fax'] });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.until('the field is listed', async () =>
      (await status()).unreadableFields.some(({ name }) => name === 'Fax'),
    );
    await mirror.worked();
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    await mirror.healed();
    expect(await field(id, 'Fax')).toBe('1');
    mirror.changeSilently(id, { Fax: '3' });
    mirror.simulator.faults.rest.hiddenFields.off();
    await compareFields();
    await changesRead();
    expect(await field(id, 'Fax')).toBe('3');
    expect(await field(deleted, 'Fax')).toBe('2');
    expect((await status()).unreadableFields).toEqual(unreadable);
    expect((await incidents())[0]?.detail).toContain('readable again Fax.');
    // The silent change has another time of modification too.
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.worked();
  });

  it('the fields of many accounts are read by a bulk job', async () => {
    const [id = ''] = ids;
    mirror.simulator.org.addField({ name: 'Bulk__c', type: 'boolean', defaultValue: true });
    await restart({ bulkFrom: 1 });
    await changesRead();
    expect((await resyncs())[0]).toMatchObject({ method: 'bulk', fields: ['Bulk__c'] });
    expect(await field(id, 'Bulk__c')).toBe(true);
  });
});

describe('calculated fields', () => {
  const formula = (name: string): NewField => ({ name, type: 'double', calculated: true });

  it('a selected formula field is read in all accounts and on its schedule, and labelled with the time', async () => {
    const [id = ''] = ids;
    mirror.simulator.org.addField(formula('Score__c'));
    mirror.simulator.org.recalculate('Score__c', 7);
    const selected = { calculatedFields: ['Score__c'], schedules: { calculated: '0 */6 * * *' } };
    await restart(selected);
    await changesRead();
    expect(await field(id, 'Score__c')).toBe(7);
    const first = (await status()).calculatedFields;
    expect(first).toEqual({ names: ['Score__c'], refreshedAt: expect.any(String) });

    mirror.simulator.org.recalculate('Score__c', 8);
    // What the schedule enqueues, with the notification of the queue.
    await mirror.sql(
      `insert into pgboss.job (name, data) values ('schedule', '{"mode":"calculated"}');
       select pg_notify('pgboss_' || left(encode(sha224('pgboss'), 'hex'), 24), 'schedule')`,
    );
    await mirror.until('it is refreshed', async () => (await field(id, 'Score__c')) === 8);
    await mirror.until('the time of the refresh is shown', async () => {
      const { refreshedAt } = (await status()).calculatedFields;
      return Date.parse(refreshedAt ?? '') > Date.parse(first.refreshedAt ?? '');
    });
    await expectVerified();

    await restart();
    await mirror.until('its values are cleared', async () => (await field(id, 'Score__c')) === null);
    expect(await status()).toMatchObject({
      calculatedFields: { names: [], refreshedAt: null },
      unmirroredFields: expect.arrayContaining([
        { name: 'LastViewedDate', reason: 'not in events' },
        { name: 'Score__c', reason: 'calculated' },
      ]),
    });
  }, 150_000);

  it('a formula field that is not selected is not mirrored by events, reads or comparisons', async () => {
    const [id = ''] = ids;
    const before = await mirror.incidents();
    mirror.simulator.org.addField(formula('Unselected__c'));
    mirror.simulator.org.recalculate('Unselected__c', 7);
    await mirror.salesforce.update(id, { Phone: '1' });
    const created = await mirror.salesforce.create({ Name: 'New' });
    await mirror.settled();
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.worked();
    for (const one of [id, created]) expect(await field(one, 'Unselected__c')).toBeNull();
    await expectVerified();
    expect(await mirror.incidents()).toEqual(before);
  });

  it('values of a new formula field that events bring before describe shows it are cleared', async () => {
    const [, id = ''] = ids;
    const held = meet({ path: /\/describe/, treatment: { kind: 'hold' } });
    mirror.simulator.org.addField(formula('Leaked__c'));
    mirror.simulator.org.recalculate('Leaked__c', 7);
    mirror.inOneTransaction((tx) => tx.delete(id));
    mirror.inOneTransaction((tx) => tx.undelete(id));
    await mirror.until('an event brings it', async () => (await field(id, 'Leaked__c')) === 7);
    held.release();
    await mirror.until('it is cleared', async () => (await field(id, 'Leaked__c')) === null);
    await mirror.healed();
  });

  it.each([
    ['Nope__c', 'CALCULATED_FIELDS: Account has no field Nope__c'],
    ['Phone', 'CALCULATED_FIELDS: Phone is mirrored anyway, because it is not calculated'],
  ])('a start with the field %s fails with the reason', async (name, reason) => {
    const database = await createTestDatabase();
    try {
      const start = startTidemark(database.url, mirror.simulator, { calculatedFields: [name] });
      await expect(start).rejects.toThrow(reason);
    } finally {
      await database.drop();
    }
  });
});
