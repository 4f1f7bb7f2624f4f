import { describe, expect, it } from 'vitest';
import { openMirror, sound } from '../helpers/live-mirror.ts';

describe('huge transactions', () => {
  it('a transaction of ten thousand records over a hundred responses becomes visible as a whole', async () => {
    await using large = await openMirror({
      build: { ...sound, patienceMs: 100_000 },
      simulator: { accounts: 10_000 },
    });
    const changed = async (): Promise<number> => {
      const [row] = await large.sql<{ count: number }>(
        `select count(*)::int as count from accounts where fields ->> 'Site' like 'Whole %'`,
      );
      return row?.count ?? 0;
    };
    large.inOneTransaction((tx) => {
      for (const [n, id] of large.accountIds().entries()) tx.update(id, { Site: `Whole ${n}` });
    });
    const seen = new Set<number>();
    await large.until('the transaction is seen', async () => {
      seen.add(await changed());
      return seen.size > 1;
    });
    expect([...seen]).toEqual([0, 10_000]);
  }, 120_000);
});
