import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import type { Org } from '../../src/salesforce/org.ts';
import {
  type ReadFrom,
  readAccounts,
  readAccountsFrom,
  readAccountsModified,
} from '../../src/salesforce/read-accounts.ts';
import { type AccountRead, planRead, type ReadPlan } from '../../src/salesforce/records.ts';
import {
  accountTopic,
  currentReadPlan,
  currentSchema,
  inOrg,
  openSimulatorOrg,
} from '../helpers/simulator-org.ts';

describe('accounts read from Salesforce', () => {
  // More than two pages of 2,000.
  const seeded = 4_100;
  let simulator: Simulator;
  let org: Org;
  let plan: ReadPlan;

  beforeAll(async () => {
    simulator = await startSimulator({ accounts: seeded });
    org = await openSimulatorOrg(simulator);
    plan = await currentReadPlan(simulator, org);
  });
  afterAll(async () => {
    org.close();
    await simulator.close();
  });

  const collect = async (pages: AsyncIterable<readonly AccountRead[]>) => {
    const all: (readonly AccountRead[])[] = [];
    for await (const page of pages) all.push(page);
    return all;
  };
  const collectFrom = async (from: Date | ReadFrom, connection = org.connection) => {
    const all: (readonly AccountRead[])[] = [];
    for await (const { reads } of readAccountsFrom(connection, plan, from)) all.push(reads);
    return all;
  };
  const filled = (values: ReadonlyMap<string, unknown>) =>
    Object.fromEntries([...values].filter(([, value]) => value !== null).sort());

  it('a read account has the values of its CREATE event field by field', async () => {
    const createable = new Set(
      simulator.org
        .fields()
        .filter((field) => field.createable && field.name !== 'SignUpCode__c')
        .map(({ name }) => name),
    );
    const { id: schemaId, ...schema } = currentSchema(simulator);
    const models = [...simulator.org.records()].slice(0, 200);
    const ids = models.map(({ values }) =>
      inOrg(simulator).create(
        Object.fromEntries(Object.entries(values).filter(([name]) => createable.has(name))),
      ),
    );
    const { events } = simulator.bus.read(accountTopic, simulator.bus.earliest(), {
      events: 1_000,
      bytes: 1e9,
    });
    expect(new Set(events.map((event) => event.schemaId))).toEqual(new Set([schemaId]));
    const told = new Map(
      events
        .map(({ payload }) => decodeChangeEvent(Buffer.from(payload), schema))
        .map(({ header, values }) => [header.recordIds[0], values]),
    );
    const reads = new Map(
      (await readAccounts(org.connection, plan, ids)).map((read) => [read.id, read.values]),
    );
    expect(reads.size).toBe(200);
    for (const id of ids)
      expect(filled(reads.get(id) ?? new Map())).toEqual(filled(told.get(id) ?? new Map()));
    // What was compared is not nothing: addresses, moments, days and numbers are among it.
    const seen = new Set([...reads.values()].flatMap((values) => Object.keys(filled(values))));
    for (const path of [
      'BillingAddress.City',
      'BillingAddress.Latitude',
      'CreatedDate',
      'SLAExpirationDate__c',
      'AnnualRevenue',
    ])
      expect(seen).toContain(path);
  });

  it('a read account has every path of the event, including empty ones', async () => {
    const id = inOrg(simulator).create({ Name: 'Quill Ltd' });
    const [read] = await readAccounts(org.connection, plan, [id]);
    expect(read?.values.get('BillingAddress.City')).toBeNull();
    expect(read?.values.get('Industry')).toBeNull();
    expect(read?.systemModstamp).toBe(simulator.org.record(id)?.values['SystemModstamp']);
  });

  it('accounts are read by id including deleted ones, and unknown ones are missing', async () => {
    const gone = inOrg(simulator).create({ Name: 'Gone Ltd' });
    const here = inOrg(simulator).create({ Name: 'Here Ltd' });
    inOrg(simulator).delete(gone);
    const reads = await readAccounts(org.connection, plan, [gone, here.slice(0, 15), '001999999999999AAA']);
    expect(new Map(reads.map(({ id, deleted }) => [id, deleted]))).toEqual(
      new Map([
        [gone, true],
        [here, false],
      ]),
    );
  });

  it('a text that is not an id is never sent in a query', async () => {
    await expect(readAccounts(org.connection, plan, ["x') OR (Name != '"])).rejects.toThrow(
      /is not a record id/,
    );
  });

  it('all accounts are read over several pages including deleted ones', async () => {
    const gone = inOrg(simulator).create({ Name: 'Gone Ltd' });
    inOrg(simulator).delete(gone);
    const pages = await collectFrom(new Date(0));
    const ids = pages.flat().map(({ id }) => id);
    expect(pages.length).toBeGreaterThan(2);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(ids)).toEqual(new Set([...simulator.org.records()].map(({ id }) => id)));
  });

  it('reading continues after any record, also after one of many with the same timestamp', async () => {
    const whole = (await collectFrom(new Date(0))).flat();
    const at = whole.findIndex((read, index) => read.systemModstamp === whole[index + 1]?.systemModstamp);
    expect(at).toBeGreaterThan(-1);
    const rest = await collectFrom(whole[at] ?? new Date(0));
    expect(rest.flat().map(({ id }) => id)).toEqual(whole.slice(at + 1).map(({ id }) => id));
  });

  it('accounts are read by the time of their last change without deleted ones', async () => {
    const id = inOrg(simulator).create({ Name: 'Modified Ltd' });
    const gone = inOrg(simulator).create({ Name: 'Gone Ltd' });
    inOrg(simulator).delete(gone);
    const from = new Date(Number(simulator.org.record(id)?.values['LastModifiedDate']));
    const to = new Date(from.getTime() + 60_000);
    const ids = (await collect(readAccountsModified(org.connection, plan, { from, to })))
      .flat()
      .map((read) => read.id);
    expect(ids).toContain(id);
    expect(ids).not.toContain(gone);
    expect(await collect(readAccountsModified(org.connection, plan, { from: to, to }))).toEqual([[]]);
  });

  it('accounts are read from a moment on, inclusive, with deleted ones', async () => {
    const id = inOrg(simulator).create({ Name: 'New Ltd' });
    const gone = inOrg(simulator).create({ Name: 'Gone Ltd' });
    inOrg(simulator).delete(gone);
    const since = new Date(Number(simulator.org.record(id)?.values['SystemModstamp']));
    const reads = (await collectFrom(since)).flat();
    expect(reads.map((read) => read.id)).toEqual(expect.arrayContaining([id, gone]));
    expect(reads.every(({ systemModstamp }) => systemModstamp >= since.getTime())).toBe(true);
    expect(reads.length).toBeLessThan(seeded);
    const later = new Date(since.getTime() + 3_600_000);
    expect((await collectFrom(later)).flat()).toEqual([]);
  });

  it('reading continues with a new token when the old one expires between two pages', async () => {
    const pages = readAccountsFrom(org.connection, plan, new Date(0))[Symbol.asyncIterator]();
    await pages.next();
    simulator.sessions.revokeAll();
    expect((await pages.next()).value?.reads).not.toHaveLength(0);
  });

  it('an exhausted daily request limit is reported', async () => {
    const poor = await startSimulator({ accounts: 1, dailyApiRequests: 1 });
    const poorOrg = await openSimulatorOrg(poor);
    const once = currentReadPlan(poor, poorOrg);
    await expect(
      once.then((found) => readAccounts(poorOrg.connection, found, ['001000000000001AAA'])),
    ).rejects.toMatchObject({ code: 'REQUEST_LIMIT_EXCEEDED', failure: 'quota' });
    poorOrg.close();
    await poor.close();
  });

  it('a result that breaks off in the middle is an error', async () => {
    const { connection } = org;
    const cut = Object.create(connection, {
      request: { value: async () => ({ totalSize: 9, done: false, records: [] }) },
    }) as typeof connection;
    await expect(collectFrom(new Date(0), cut)).rejects.toMatchObject({
      code: 'BAD_ANSWER',
      failure: 'transient',
    });
  });
});

describe('the plan of a read', () => {
  it("the plan has the fields of the events that the user can read and the parts of a person's name", () => {
    const field = (name: string, parts: string[] = []) => ({ name, parts, kind: 'plain' as const });
    const { names, fields } = planRead(
      [
        field('Name', ['Salutation', 'FirstName', 'LastName']),
        field('Hidden__c'),
        field('BillingAddress', ['City']),
      ],
      ['Id', 'Name', 'FirstName', 'LastName', 'BillingAddress', 'PhotoUrl'].map((name) => ({
        name,
        type: 'string',
      })),
    );
    expect(names).toEqual([
      'Id',
      'IsDeleted',
      'SystemModstamp',
      'Name',
      'FirstName',
      'LastName',
      'BillingAddress',
    ]);
    expect(fields.map(({ name }) => name)).toEqual(['Name', 'BillingAddress']);
  });
});
