import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import {
  type ApiAccount,
  type ApiEvent,
  type Page,
  startTidemark,
  type Tidemark,
} from '../helpers/tidemark.ts';

describe('Salesforce transactions', () => {
  let database: TestDatabase;
  let simulator: Simulator;
  let tidemark: Tidemark;

  beforeAll(async () => {
    database = await createTestDatabase();
    simulator = await startSimulator();
    tidemark = await startTidemark(database.url, simulator);
  });

  afterAll(async () => {
    await tidemark.stop();
    await simulator.close();
    await database.drop();
  });

  const named = async (name: string): Promise<ApiAccount[]> => {
    const accounts: ApiAccount[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const after: string = cursor === '' ? '' : `&cursor=${cursor}`;
      const page: Page<ApiAccount> = await tidemark.get(`/v1/accounts?name=${name}*&limit=200${after}`);
      accounts.push(...page.data);
      cursor = page.nextCursor;
    }
    return accounts;
  };

  it('a transaction of 300 accounts becomes visible as a whole and each account gets its own code', async () => {
    simulator.org.transaction(admin(), (tx) => {
      for (let n = 0; n < 300; n++) tx.insert({ Name: `Fleet ${n}`, AccountNumber: `F-${n}` });
    });
    const seen = new Set<number>();
    await eventually('all 300 are visible', async () => {
      const { data } = await tidemark.get<Page<ApiAccount>>('/v1/accounts?name=Fleet*&limit=200');
      seen.add(data.length);
      return data.length > 0;
    });
    // A page holds 200: the first time anything was seen, a full page was.
    expect([...seen].filter((count) => count > 0)).toEqual([200]);
    const fleet = await eventually('all codes are confirmed', async () => {
      const accounts = await named('Fleet');
      return accounts.every(({ codeState }) => codeState === 'confirmed') && accounts;
    });
    expect(fleet).toHaveLength(300);
    expect(new Set(fleet.map(({ signupCode }) => signupCode)).size).toBe(300);
    for (const { id, signupCode } of fleet) {
      expect(simulator.org.record(id)?.values['SignUpCode__c']).toBe(signupCode);
    }
  });

  it('a merged event for many records changes all of them', async () => {
    const ids = simulator.org.transaction(admin(), (tx) =>
      ['one', 'two', 'three'].map((n) => tx.insert({ Name: `Merged ${n}` }).id ?? ''),
    );
    await eventually('the accounts are there', async () => (await named('Merged')).length === 3);
    simulator.org.transaction(admin(), (tx) => {
      for (const id of ids) tx.update(id, { Rating: 'Hot' });
    });
    const hot = await eventually('all three are hot', async () => {
      const accounts = await named('Merged');
      return accounts.every(({ fields }) => fields['Rating'] === 'Hot') && accounts;
    });
    expect(hot).toHaveLength(3);
    const { data } = await tidemark.get<Page<ApiEvent>>(`/v1/events?recordId=${ids[0]}&changeType=UPDATE`);
    const merged = data.find(({ changedFields }) => changedFields.includes('Rating'));
    expect([...(merged?.recordIds ?? [])].sort()).toEqual([...ids].sort());
  });

  const admin = () =>
    ({ userId: simulator.org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null }) as const;
});
