import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readDeletedIds, requestAccount } from '../../src/salesforce/deleted-records.ts';
import type { Org } from '../../src/salesforce/org.ts';
import type { CallWithinBudget } from '../../src/salesforce/query-pages.ts';
import { inOrg, openSimulatorOrg } from '../helpers/simulator-org.ts';

const dayMs = 24 * 3_600_000;

describe('the log of deletions', () => {
  // The org is some days behind, so that its deletions lie at known moments of the past.
  let behindMs = 0;
  let simulator: Simulator;
  let org: Org;
  let calls = 0;
  const callWithinBudget: CallWithinBudget = (call) => {
    calls++;
    return call();
  };
  const deleteAt = (days: number): string => {
    behindMs = days * dayMs;
    const [id = ''] = [...simulator.org.records()].filter(({ isDeleted }) => !isDeleted).map((one) => one.id);
    inOrg(simulator).delete(id);
    behindMs = 0;
    return id;
  };

  beforeAll(async () => {
    simulator = await startSimulator({ accounts: 20, now: () => Date.now() - behindMs });
    org = await openSimulatorOrg(simulator);
  });
  afterAll(async () => {
    org.close();
    await simulator.close();
  });

  it('the log of deletions is read in parts if one response cannot hold its ids', async () => {
    const deleted = [13, 9, 5, 1].map(deleteAt);
    const span = { from: new Date(Date.now() - 14 * dayMs), to: new Date() };
    expect(await readDeletedIds(org.connection, span, callWithinBudget)).toEqual(new Set(deleted));
    expect(calls).toBe(1);
    simulator.faults.rest.replication.on({ maxIds: 1 });
    expect(await readDeletedIds(org.connection, span, callWithinBudget)).toEqual(new Set(deleted));
    simulator.faults.rest.replication.off();
    expect(calls).toBeGreaterThan(4);
    const later = { from: new Date(Date.now() - 7 * dayMs), to: new Date() };
    expect(await readDeletedIds(org.connection, later, callWithinBudget)).toEqual(new Set(deleted.slice(2)));
  });

  it('the log of deletions cannot be read if a short span has too many ids for one response', async () => {
    deleteAt(2);
    deleteAt(2);
    simulator.faults.rest.replication.on({ maxIds: 0 });
    const span = { from: new Date(Date.now() - 14 * dayMs), to: new Date() };
    await expect(readDeletedIds(org.connection, span, callWithinBudget)).rejects.toMatchObject({
      code: 'EXCEEDED_ID_LIMIT',
    });
    simulator.faults.rest.replication.off();
  });

  it('a request for one account tells a deleted account from one that is not found', async () => {
    const deleted = deleteAt(0);
    const [existing = ''] = [...simulator.org.records()]
      .filter(({ isDeleted }) => !isDeleted)
      .map(({ id }) => id);
    expect(await requestAccount(org.connection, deleted)).toBe('ENTITY_IS_DELETED');
    expect(await requestAccount(org.connection, '001999999999999AAA')).toBe('NOT_FOUND');
    expect(await requestAccount(org.connection, existing)).toBeNull();
  });
});
