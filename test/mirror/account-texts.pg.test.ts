import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import { deletedField } from '../../src/apply/merge.ts';
import type { AccountChange } from '../../src/apply/plan-patch.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import {
  nextStep,
  updateAccountTexts,
  updateTextsUntilAborted,
} from '../../src/mirror/update-account-texts.ts';
import { differingTexts } from '../helpers/differing-texts.ts';
import { eventually } from '../helpers/eventually.ts';
import { silent } from '../helpers/silent-logger.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';

const database = useDatabase();
let commits = 1n;

const change = fc.record({
  accountId: fc.nat(5).map((n) => `001al000000000${n}AAA`),
  kind: fc.constantFrom('snapshot' as const, 'patch' as const),
  values: fc.record(
    {
      Name: fc.constantFrom(null, '', 'Acme', 'ÄRGER', 'İstanbul', 'ΣΑΣ'),
      AccountNumber: fc.constantFrom(null, 'A-1', 'Acme'),
      Phone: fc.constantFrom(null, '+49 1'),
      Website: fc.constantFrom(null, 'example.com'),
      SignUpCode__c: fc.constantFrom(null, 'CODE1', 'CODE2'),
      [deletedField]: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
});

const apply = async (
  changes: readonly (typeof change extends fc.Arbitrary<infer T> ? T : never)[],
): Promise<void> => {
  const numbered = changes.map(({ accountId, kind, values }): AccountChange => {
    commits++;
    const given = new Map(Object.entries(values));
    return {
      accountId,
      eligible: true,
      gap: false,
      change: { kind, version: [1_000, commits, 1, 0], values: given },
    };
  });
  await inTransaction(database.pool, (client) =>
    applyChanges(client, numbered, codeRules({ field: 'SignUpCode__c' })),
  );
};

beforeEach(async () => {
  await database.pool.query(removeAccounts);
});

describe('the table of searched texts', () => {
  it('searched texts match the accounts when all queued changes are processed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 6 }), async (batches) => {
        await database.pool.query(removeAccounts);
        for (const batch of batches) {
          await apply(batch);
          while ((await updateAccountTexts(database.pool, 3)) > 0);
          expect(await database.rows(differingTexts)).toEqual([]);
        }
      }),
      { numRuns: 30 },
    );
  });

  it('a change of other fields queues no searched text', async () => {
    const accountId = '001al0000000001AAA';
    await apply([{ accountId, kind: 'snapshot', values: { Name: 'Acme' } }]);
    expect(await updateAccountTexts(database.pool, 10)).toBe(1);
    await apply([{ accountId, kind: 'patch', values: { Industry: 'Energy' } as object }]);
    expect(await updateAccountTexts(database.pool, 10)).toBe(0);
    await apply([{ accountId, kind: 'patch', values: { Name: 'ÄRGER' } }]);
    expect(await updateAccountTexts(database.pool, 10)).toBe(1);
  });

  it('accounts without a searched text and texts without an account are corrected at the start', async () => {
    await apply([{ accountId: '001al0000000001AAA', kind: 'snapshot', values: { Name: 'Acme' } }]);
    await database.pool.query(`truncate account_text_queue;
      insert into account_texts values ('001al0000000009AAA', 'gone', 'gone', false)`);
    const stopping = new AbortController();
    const wakeUps = {
      next: (_: unknown, ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms)),
    };
    const running = updateTextsUntilAborted(
      { pool: database.pool, wakeUps, logger: silent },
      stopping.signal,
    );
    await eventually(
      'the texts are corrected',
      async () => (await database.rows(differingTexts)).length === 0,
    );
    stopping.abort();
    await running;
  });

  it('updates of searched texts leave nine tenths of the time to a backlog, and follow each other without one', () => {
    expect(nextStep(2_000, 500, true)).toEqual({ pauseMs: 4_500 });
    expect(nextStep(1, 5, true)).toEqual({ pauseMs: 1_000 });
    expect(nextStep(2_000, 500, false)).toBe('again');
    expect(nextStep(1, 5, false)).toEqual({ pauseMs: 1_000 });
    expect(nextStep(0, 1, true)).toBe('wait');
  });
});
