import { describe, expect, it } from 'vitest';
import { createOrg } from '../../src/org/org.ts';
import { admin } from './callers.ts';

describe('seeding', () => {
  it('the same seed gives the same accounts and another seed others', () => {
    const [one, same, other] = [7, 7, 8].map((seed) => {
      const org = createOrg();
      org.seed(500, seed);
      return [...org.records()];
    });
    expect(same).toEqual(one);
    expect(other).not.toEqual(one);
  });

  it('seeded accounts contain missing values, other scripts, quotes and line breaks', () => {
    const org = createOrg();
    org.seed(2_000, 1);
    const accounts = [...org.records()].map((record) => record.values);
    expect(new Set(accounts.map((values) => values['Id'])).size).toBe(2_000);
    expect(accounts.every((values) => typeof values['Name'] === 'string')).toBe(true);
    expect(accounts.some((values) => values['Phone'] === undefined)).toBe(true);
    expect(accounts.some((values) => /[^\u0020-\u007e]/.test(String(values['Name'])))).toBe(true);
    expect(accounts.some((values) => /\n.*"/.test(String(values['Description'])))).toBe(true);
    expect(accounts.every((values) => values['SignUpCode__c'] === undefined)).toBe(true);
  });

  it('seeding sends no events and leaves room for later accounts', () => {
    const org = createOrg();
    org.seed(10, 1);
    expect(org.bus.latest()).toBe(org.bus.earliest());
    const created = org.transaction(admin, (tx) => tx.insert({ Name: 'Later' }));
    org.seed(10, 2);
    expect(org.size).toBe(21);
    expect([...org.records()][10]?.id).toBe(created.id);
  });

  it('an org of a hundred thousand accounts can be seeded', () => {
    const org = createOrg();
    org.seed(100_000, 1);
    expect(org.size).toBe(100_000);
  });
});
