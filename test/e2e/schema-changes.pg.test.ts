import pg from 'pg';
import type { NewField } from 'salesforce-simulator/org/field-catalog.ts';
import { describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate } from '../helpers/rest-gate.ts';
import type { TidemarkOverrides } from '../helpers/tidemark.ts';

type Reason = { readonly code: string; readonly message: string; readonly action: string };
type Status = {
  readonly reasons: readonly Reason[];
  readonly calculatedFields: { readonly names: readonly string[]; readonly refreshedAt: string | null };
  readonly unreadableFields: readonly { readonly name: string }[];
  readonly unmirroredFields: readonly { readonly name: string; readonly reason: string }[];
};
type FieldIncident = { readonly cause: string; readonly state: string; readonly detail: string };
type FieldResync = { readonly scope: string; readonly fields: readonly string[]; readonly read: number };
type HistoryEntry = { readonly kind: string; readonly after?: unknown };

const score: NewField = { name: 'Score__c', type: 'double', calculated: true };

const field = async (mirror: LiveMirror, id: string, name: string): Promise<unknown> =>
  (await mirror.account(id)).fields[name] ?? null;
const incidents = async (mirror: LiveMirror): Promise<readonly FieldIncident[]> =>
  (await mirror.get<{ data: FieldIncident[] }>('/v1/incidents?cause=schema%20changed')).data;
const resyncs = async (mirror: LiveMirror): Promise<readonly FieldResync[]> =>
  (await mirror.get<{ data: FieldResync[] }>('/v1/resyncs?scope=fields')).data;
const status = (mirror: LiveMirror): Promise<Status> => mirror.get('/v1/status');

/** Restarts Tidemark, which compares the fields at its start, and waits until everything is read. */
async function restartAndHeal(
  mirror: LiveMirror,
  count = 1,
  overrides: TidemarkOverrides = {},
): Promise<void> {
  await mirror.stop();
  await mirror.startAgain(overrides);
  await mirror.until('the change is found', async () => (await incidents(mirror)).length >= count);
  await mirror.healed();
}

async function expectVerified(mirror: LiveMirror): Promise<void> {
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
    await using mirror = await openMirror();
    const [touched = '', other = ''] = mirror.accountIds();
    mirror.simulator.org.addField({ name: 'Vip__c', type: 'boolean', defaultValue: true });
    await mirror.salesforce.update(touched, { Phone: '1' });
    await mirror.until('the change is found', async () => (await incidents(mirror)).length > 0);
    await mirror.healed();
    expect(await field(mirror, other, 'Vip__c')).toBe(true);
    expect(await field(mirror, touched, 'Vip__c')).toBe(true);
    expect((await mirror.account(touched)).fields['Phone']).toBe('1');
    expect(await incidents(mirror)).toMatchObject([
      { state: 'closed', detail: expect.stringContaining('added Vip__c.') },
    ]);
    expect(await resyncs(mirror)).toMatchObject([{ scope: 'fields', fields: ['Vip__c'] }]);
    await expectVerified(mirror);
  });

  it('the read of an added field is in the history of the accounts whose value it changed', async () => {
    await using mirror = await openMirror();
    const [id = ''] = mirror.accountIds();
    mirror.simulator.org.addField({ name: 'Vip__c', type: 'boolean', defaultValue: true });
    mirror.simulator.org.addField({ name: 'Tier__c', type: 'string' });
    await restartAndHeal(mirror);
    const historyOf = async (name: string) =>
      (await mirror.get<{ data: HistoryEntry[] }>(`/v1/accounts/${id}/fields/${name}/history`)).data;
    expect((await historyOf('Vip__c'))[0]).toMatchObject({ kind: 'reading', after: true });
    expect((await historyOf('Tier__c')).filter(({ after }) => after !== null)).toEqual([]);
    const { data } = await mirror.get<{ data: { kind: string }[] }>(`/v1/accounts/${id}/events`);
    expect(data.filter(({ kind }) => kind === 'reading').length).toBeGreaterThan(0);
  });

  it('a field that is created again under its name has the values of the new field', async () => {
    await using mirror = await openMirror();
    const [id = ''] = mirror.accountIds();
    const { org } = mirror.simulator;
    org.addField({ name: 'Tier__c', type: 'string' });
    await mirror.salesforce.update(id, { Tier__c: 'old' });
    await mirror.settled();
    await mirror.healed();
    expect(await field(mirror, id, 'Tier__c')).toBe('old');
    org.removeField('Tier__c');
    org.addField({ name: 'Tier__c', type: 'string' });
    await restartAndHeal(mirror, 2);
    expect(await field(mirror, id, 'Tier__c')).toBeNull();
    expect((await incidents(mirror))[0]?.detail).toContain('re-created Tier__c');
    await expectVerified(mirror);
  });

  it('values that a shorter length or another type has changed are read again', async () => {
    await using mirror = await openMirror();
    const [id = ''] = mirror.accountIds();
    const { org } = mirror.simulator;
    org.addFields([
      { name: 'Note__c', type: 'string', length: 40 },
      { name: 'Amount__c', type: 'double' },
    ]);
    await mirror.salesforce.update(id, { Note__c: 'a long note', Amount__c: 2.6 });
    await mirror.settled();
    await mirror.healed();
    org.changeField('Note__c', { type: 'string', length: 6 });
    org.changeField('Amount__c', { type: 'int' });
    await restartAndHeal(mirror, 2);
    expect((await mirror.account(id)).fields).toMatchObject({ Note__c: 'a long', Amount__c: 3 });
    expect((await incidents(mirror))[0]?.detail).toContain('new type Amount__c; shorter Note__c.');
  });

  it('a removed field, and a field that gets its former type back, are found although their schemas are known', async () => {
    await using mirror = await openMirror();
    const [id = ''] = mirror.accountIds();
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
    org.addField({ name: 'Tier__c', type: 'string' });
    await untilColumns('Tier__c', ['tier__c current']);
    org.changeField('Tier__c', { type: 'double' });
    await untilColumns('Tier__c', ['tier__c replaced', 'tier__c_2 current']);
    org.changeField('Tier__c', { type: 'string' });
    await untilColumns('Tier__c', ['tier__c current', 'tier__c_2 replaced']);
    await mirror.salesforce.update(id, { Tier__c: 'gold' });
    await mirror.settled();
    expect(await mirror.sql('select tier__c from salesforce.account where id = $1', [id])).toEqual([
      { tier__c: 'gold' },
    ]);
    org.removeField('Tier__c');
    await untilColumns('Tier__c', ['tier__c removed', 'tier__c_2 replaced']);
  });

  it('a field with a new default is read again', async () => {
    await using mirror = await openMirror();
    const { org } = mirror.simulator;
    org.addField({ name: 'Note__c', type: 'string' });
    await restartAndHeal(mirror);
    org.changeField('Note__c', { type: 'string', defaultValue: 'new' });
    await restartAndHeal(mirror, 2);
    expect((await incidents(mirror))[0]?.detail).toContain('new default Note__c.');
    expect((await resyncs(mirror))[0]).toMatchObject({ fields: ['Note__c'], read: expect.any(Number) });
  });

  it('the status names changed fields until they are read, and further changes join the same incident', async () => {
    await using gate = await openRestGate();
    await using mirror = await openMirror({ gate });
    const { org } = mirror.simulator;
    // Occupies the queue of reads of all accounts.
    const held = gate.meet({ path: /\/queryAll/, treatment: { kind: 'hold' } });
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    await mirror.until('a read of all accounts waits', async () => held.met > 0);
    org.addField({ name: 'Vip__c', type: 'boolean' });
    await mirror.settled();
    await mirror.until('the first is found', async () => (await incidents(mirror)).length === 1);
    org.addField({ name: 'Tier__c', type: 'string' });
    await mirror.settled();
    await mirror.until('the second is found', async () =>
      (await incidents(mirror))[0]?.detail.includes('Tier__c'),
    );
    expect(await incidents(mirror)).toHaveLength(1);
    expect((await resyncs(mirror))[0]?.fields).toEqual(['Tier__c', 'Vip__c']);
    expect((await status(mirror)).reasons).toContainEqual(
      expect.objectContaining({
        code: 'schema-changed',
        message: expect.stringMatching(/added Vip__c\. .*added Tier__c\./),
        action: expect.stringContaining('read in all accounts automatically'),
      }),
    );
    held.release();
    await mirror.healed();
    expect((await status(mirror)).reasons).not.toContainEqual(
      expect.objectContaining({ code: 'schema-changed' }),
    );
  });

  it('events of a new schema are stored while a long query blocks the new column, and are applied after it', async () => {
    await using mirror = await openMirror();
    await mirror.codesConfirmed();
    const [first = '', second = ''] = mirror.accountIds();
    const query = new pg.Client({ connectionString: mirror.database.url });
    await query.connect();
    try {
      await query.query('begin; select from salesforce.account limit 1');
      mirror.simulator.org.addField({ name: 'Tier__c', type: 'string' });
      await mirror.salesforce.update(first, { Tier__c: 'gold' });
      await mirror.until('the change of the table has given up', async () => {
        const [row] = await mirror.sql<{ code: string | null }>(
          `select apply_fault ->> 'code' as code from subscriptions`,
        );
        return row?.code === 'database-locked';
      });
      await mirror.salesforce.update(second, { Tier__c: 'silver' });
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
      await mirror.accountWhen(id, 'the change is there', ({ fields }) => fields['Tier__c'] === tier);
    expect(await mirror.sql('select tier__c from salesforce.account where id = $1', [first])).toEqual([
      { tier__c: 'gold' },
    ]);
    expect(await mirror.failedEvents()).toEqual([]);
  });

  it('a read is planned again if a field is deleted before the query arrives', async () => {
    await using gate = await openRestGate();
    await using mirror = await openMirror({ gate });
    const { org } = mirror.simulator;
    org.addField({ name: 'Tier__c', type: 'string' });
    await restartAndHeal(mirror);
    const held = gate.meet({ path: /\/queryAll\S*Tier__c/, times: 1, treatment: { kind: 'hold' } });
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    await mirror.until('the query waits', async () => held.met > 0);
    org.removeField('Tier__c');
    held.release();
    await mirror.healed();
    expect((await mirror.resyncs())[0]).toMatchObject({ scope: 'all', state: 'done' });
  });

  it('a hidden field keeps its values, is listed as unreadable, and is read when it is visible again', async () => {
    await using mirror = await openMirror();
    const [id = '', deleted = ''] = mirror.accountIds();
    await mirror.salesforce.update(id, { Phone: '1' });
    await mirror.salesforce.update(deleted, { Phone: '2' });
    await mirror.settled();
    mirror.simulator.faults.rest.hiddenFields.on({ fields: ['Phone'] });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.until('the field is listed', async () =>
      (await status(mirror)).unreadableFields.some(({ name }) => name === 'Phone'),
    );
    await mirror.worked();
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all' });
    await mirror.healed();
    expect(await field(mirror, id, 'Phone')).toBe('1');
    mirror.changeSilently(id, { Phone: '3' });
    mirror.simulator.faults.rest.hiddenFields.off();
    await restartAndHeal(mirror);
    expect(await field(mirror, id, 'Phone')).toBe('3');
    expect(await field(mirror, deleted, 'Phone')).toBe('2');
    expect((await status(mirror)).unreadableFields).toEqual([]);
    expect((await incidents(mirror))[0]?.detail).toContain('readable again Phone.');
  });

  it('the fields of many accounts are read by a bulk job', async () => {
    await using mirror = await openMirror({ tidemark: { bulkFrom: 1 } });
    const [id = ''] = mirror.accountIds();
    mirror.simulator.org.addField({ name: 'Vip__c', type: 'boolean', defaultValue: true });
    await restartAndHeal(mirror);
    expect((await resyncs(mirror))[0]).toMatchObject({ method: 'bulk', fields: ['Vip__c'] });
    expect(await field(mirror, id, 'Vip__c')).toBe(true);
  });
});

describe('calculated fields', () => {
  it('a formula field that is not selected is not mirrored by events, reads or comparisons', async () => {
    await using mirror = await openMirror();
    const [id = ''] = mirror.accountIds();
    mirror.simulator.org.addField(score);
    mirror.simulator.org.recalculate('Score__c', 7);
    await mirror.salesforce.update(id, { Phone: '1' });
    const created = await mirror.salesforce.create({ Name: 'New' });
    await mirror.settled();
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.worked();
    for (const one of [id, created]) expect(await field(mirror, one, 'Score__c')).toBeNull();
    await expectVerified(mirror);
    expect(await mirror.incidents()).toEqual([]);
  });

  it('values of a new formula field that events bring before describe shows it are cleared', async () => {
    await using gate = await openRestGate();
    await using mirror = await openMirror({ gate });
    const [id = ''] = mirror.accountIds();
    const held = gate.meet({ path: /\/describe/, treatment: { kind: 'hold' } });
    mirror.simulator.org.addField(score);
    mirror.simulator.org.recalculate('Score__c', 7);
    mirror.inOneTransaction((tx) => tx.delete(id));
    mirror.inOneTransaction((tx) => tx.undelete(id));
    await mirror.until('an event brings it', async () => (await field(mirror, id, 'Score__c')) === 7);
    held.release();
    await mirror.until('it is cleared', async () => (await field(mirror, id, 'Score__c')) === null);
    await mirror.healed();
  });

  it('a selected formula field is read in all accounts and on its schedule, and labelled with the time', async () => {
    await using mirror = await openMirror();
    const [id = ''] = mirror.accountIds();
    mirror.simulator.org.addField(score);
    mirror.simulator.org.recalculate('Score__c', 7);
    const selected = { calculatedFields: ['Score__c'], schedules: { calculated: '0 */6 * * *' } };
    await restartAndHeal(mirror, 1, selected);
    expect(await field(mirror, id, 'Score__c')).toBe(7);
    const first = (await status(mirror)).calculatedFields;
    expect(first).toEqual({ names: ['Score__c'], refreshedAt: expect.any(String) });

    mirror.simulator.org.recalculate('Score__c', 8);
    // What the schedule enqueues, with the notification of the queue.
    await mirror.sql(
      `insert into pgboss.job (name, data) values ('schedule', '{"mode":"calculated"}');
       select pg_notify('pgboss_' || left(encode(sha224('pgboss'), 'hex'), 24), 'schedule')`,
    );
    await mirror.until('it is refreshed', async () => (await field(mirror, id, 'Score__c')) === 8);
    await mirror.until('the time of the refresh is shown', async () => {
      const { refreshedAt } = (await status(mirror)).calculatedFields;
      return Date.parse(refreshedAt ?? '') > Date.parse(first.refreshedAt ?? '');
    });
    await expectVerified(mirror);

    await mirror.stop();
    await mirror.startAgain({ calculatedFields: [] });
    await mirror.until('its values are cleared', async () => (await field(mirror, id, 'Score__c')) === null);
    expect(await status(mirror)).toMatchObject({
      calculatedFields: { names: [], refreshedAt: null },
      unmirroredFields: expect.arrayContaining([
        { name: 'LastViewedDate', reason: 'not in events' },
        { name: 'Score__c', reason: 'calculated' },
      ]),
    });
  }, 150_000);

  it.each([
    ['Nope__c', 'CALCULATED_FIELDS: Account has no field Nope__c'],
    ['Phone', 'CALCULATED_FIELDS: Phone is mirrored anyway, because it is not calculated'],
  ])('a start with the field %s fails with the reason', async (name, reason) => {
    await expect(openMirror({ tidemark: { calculatedFields: [name] } })).rejects.toThrow(reason);
  });
});
