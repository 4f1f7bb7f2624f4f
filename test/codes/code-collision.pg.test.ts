import { describe, expect, it } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { useDatabase } from '../helpers/use-database.ts';

// Only the random source is replaced: the first codes are all equal.
let made = 0;
const generate = (): string => (++made <= 3 ? 'SAMECODE22' : `OTHERCODE${made}`);
const codeField = 'SignUpCode__c';

describe('collisions of generated codes', () => {
  const database = useDatabase();

  const create = (...ids: string[]) =>
    inTransaction(database.pool, (client) =>
      applyChanges(
        client,
        ids.map((accountId) => ({
          accountId,
          change: {
            version: [1000, 1n, 1, 0],
            kind: 'snapshot' as const,
            values: new Map([['IsDeleted', false]]),
          },
          eligible: true,
          gap: false,
        })),
        { ...codeRules({ field: codeField }), generate },
      ),
    );

  it('a generated code that exists already or in the same transaction is generated again', async () => {
    await create('001000000000001AAA');
    await create('001000000000002AAA', '001000000000003AAA');
    const rows = await database.rows('select pending_signup_code, code_state from accounts order by id');
    expect(rows[0]).toEqual({ pending_signup_code: 'SAMECODE22', code_state: 'pending' });
    expect(rows.map((row) => row['code_state'])).toEqual(['pending', 'pending', 'pending']);
    expect(new Set(rows.map((row) => row['pending_signup_code'])).size).toBe(3);
  });
});
