import { type Simulator, startSimulator } from 'salesforce-simulator';
import { manyFields } from 'salesforce-simulator/org/many-fields.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Org } from '../../src/salesforce/org.ts';
import { fitsUrl } from '../../src/salesforce/query-pages.ts';
import {
  maxIdsPerRead,
  readAccounts,
  readAccountsFrom,
  readAccountsModified,
} from '../../src/salesforce/read-accounts.ts';
import type { AccountRead, ReadPlan } from '../../src/salesforce/records.ts';
import { mergeParts, splitFields } from '../../src/salesforce/retrieve-accounts.ts';
import { currentReadPlan, inOrg, openSimulatorOrg } from '../helpers/simulator-org.ts';

const customFields = manyFields(800);
const [firstField = '', lastField = ''] = [customFields[0]?.name, customFields[798]?.name];

describe('accounts of an org with 800 custom fields', () => {
  let simulator: Simulator;
  let org: Org;
  let plan: ReadPlan;
  let aheadMs = 0;

  beforeAll(async () => {
    simulator = await startSimulator({
      accounts: 300,
      customFields: customFields.length,
      now: () => Date.now() + aheadMs,
    });
    org = await openSimulatorOrg(simulator);
    plan = await currentReadPlan(simulator, org);
  });
  afterAll(async () => {
    org.close();
    await simulator.close();
  });

  const create = (Name: string) => inOrg(simulator).create({ Name, [firstField]: 'one', [lastField]: 'all' });
  const values = (read: AccountRead | undefined) =>
    [firstField, lastField, 'Name'].map((name) => read?.values.get(name));

  it('the account has more fields than fit in a URL', () => {
    expect(plan.names.length).toBeGreaterThan(800);
    expect(fitsUrl(plan.names.join(', '))).toBe(false);
  });

  it('accounts are read by id with all fields and unknown ones are missing', async () => {
    const [one, other] = [create('One Ltd'), create('Other Ltd')];
    const reads = await readAccounts(org.connection, plan, [one, '001999999999999AAA', other]);
    expect(reads.map(({ id }) => id)).toEqual([one, other]);
    expect(values(reads[1])).toEqual(['one', 'all', 'Other Ltd']);
  });

  it('deleted accounts are read by id with all fields', async () => {
    const [gone, here] = [create('Gone Ltd'), create('Here Ltd')];
    inOrg(simulator).delete(gone);
    const reads = await readAccounts(org.connection, plan, [gone, here]);
    const byId = new Map(reads.map((read) => [read.id, read]));
    expect([byId.get(gone)?.deleted, byId.get(here)?.deleted]).toEqual([true, false]);
    expect(values(byId.get(gone))).toEqual(['one', 'all', 'Gone Ltd']);
  });

  it('all accounts are read in the order of change and reading continues after any part', async () => {
    const parts = [];
    for await (const part of readAccountsFrom(org.connection, plan, new Date(0))) parts.push(part);
    expect(parts.length).toBeGreaterThan(2);
    const ids = parts.flatMap(({ reads }) => reads.map(({ id }) => id));
    expect(ids.toSorted()).toEqual([...simulator.org.records()].map(({ id }) => id).toSorted());
    const rest: string[] = [];
    for await (const { reads } of readAccountsFrom(org.connection, plan, parts[0]?.through ?? new Date(0))) {
      rest.push(...reads.map(({ id }) => id));
    }
    expect(rest).toEqual(ids.slice(parts[0]?.reads.length));
  });

  it('accounts that change between listing and reading do not move the position of the read', async () => {
    const ids = Array.from({ length: maxIdsPerRead(plan) + 2 }, (_, at) => create(`Row ${at}`));
    const from = new Date(Number(simulator.org.record(ids[0] ?? '')?.values['SystemModstamp']));
    const stamps: (number | undefined)[] = [];
    for await (const { through } of readAccountsFrom(org.connection, plan, from)) {
      stamps.push(through?.systemModstamp);
      // It is listed already and not read yet.
      aheadMs += 10_000;
      inOrg(simulator).update(ids.at(-1) ?? '', { Industry: 'Energy' });
    }
    expect(stamps.length).toBeGreaterThan(1);
    expect(Math.max(...stamps.map(Number))).toBeLessThan(from.getTime() + 5_000);
  });

  it('wide accounts are read by the time of their last change', async () => {
    const id = create('Modified Ltd');
    const from = new Date(Number(simulator.org.record(id)?.values['LastModifiedDate']));
    const reads: AccountRead[] = [];
    for await (const page of readAccountsModified(org.connection, plan, {
      from,
      to: new Date(from.getTime() + 60_000),
    }))
      reads.push(...page);
    expect(values(reads.find((read) => read.id === id))).toEqual(['one', 'all', 'Modified Ltd']);
  });

  it('a query in a URL can not contain every field', async () => {
    const soql = encodeURIComponent(`SELECT ${plan.names.join(', ')} FROM Account`);
    const answer = await fetch(`${simulator.instanceUrl}/services/data/v66.0/query?q=${soql}`, {
      headers: { authorization: `Bearer ${org.connection.accessToken}` },
    });
    expect(answer.status).toBe(414);
  });
});

describe('queries split by fields', () => {
  it('each part of a split query has the id and the timestamp and fits in a URL, and every field occurs once', () => {
    const names = ['Id', 'IsDeleted', 'SystemModstamp', ...customFields.map(({ name }) => name)];
    const parts = splitFields(names, 200);
    expect(parts.length).toBeGreaterThan(3);
    expect(new Set(parts.flat())).toEqual(new Set(names));
    for (const part of parts) {
      expect(part.slice(0, 2)).toEqual(['Id', 'SystemModstamp']);
      expect(new Set(part).size).toBe(part.length);
      expect(encodeURIComponent(part.join(', ')).length + 200 * 26).toBeLessThan(12_000);
    }
  });

  const row = (id: string, stamp: string, values: object) => ({
    Id: `00100000000000${id}AAA`,
    SystemModstamp: stamp,
    ...values,
  });

  it.each([
    [
      'of one state are one record',
      [row('1', 'a', { A: 1 })],
      [row('1', 'a', { B: 2 })],
      [{ A: 1, B: 2 }],
      0,
    ],
    ['of two states are read again', [row('1', 'a', { A: 1 })], [row('1', 'b', { B: 2 })], [], 1],
    ['of which one is missing are read again', [row('1', 'a', { A: 1 })], [], [], 1],
  ])('the parts %s', (_, first, second, whole, changed) => {
    const merged = mergeParts([first, second]);
    expect(merged.whole).toEqual(whole.map((values) => expect.objectContaining(values)));
    expect(merged.changed).toHaveLength(changed);
  });
});
