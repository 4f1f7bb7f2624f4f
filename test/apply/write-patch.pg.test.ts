import type pg from 'pg';
import { describe, expect, it } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import type { AccountChange } from '../../src/apply/plan-patch.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { lockAccountWrites } from '../../src/db/advisory-locks.ts';
import { inTransaction } from '../../src/db/database.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { useDatabase } from '../helpers/use-database.ts';

const idOf = (n: number): string => `001wp00000000${String(n).padStart(2, '0')}AAA`;
let second = 0;
const change = (
  n: number,
  kind: 'snapshot' | 'patch',
  values: Readonly<Record<string, Scalar>>,
): AccountChange => ({
  accountId: idOf(n),
  change: { version: [++second * 1_000, 1n, 1, 0], kind, values: new Map(Object.entries(values)) },
  eligible: kind === 'snapshot',
  gap: false,
});

describe('the statements of a patch', () => {
  const database = useDatabase();

  /** @returns the names or texts of the statements that write */
  const apply = (changes: readonly AccountChange[]): Promise<string[]> =>
    inTransaction(database.pool, async (client) => {
      await lockAccountWrites(client);
      const sent: string[] = [];
      const counting = new Proxy(client, {
        get(target, name) {
          if (name !== 'query') return Reflect.get(target, name) as unknown;
          return (config: pg.QueryConfig) => {
            if (/\b(insert|update|delete)\b/.test(config.text)) sent.push(config.text);
            return target.query(config);
          };
        },
      });
      await applyChanges(counting, changes, codeRules({ field: 'SignUpCode__c' }));
      return sent;
    });

  it('new accounts, updates of different fields, codes and history take at most six statements', async () => {
    const first = Array.from({ length: 30 }, (_, n) => change(n, 'snapshot', { Name: `Account ${n}` }));
    expect((await apply(first)).length).toBeLessThanOrEqual(3);
    const fields = ['Name', 'Phone', 'Website', 'Industry', 'Site'];
    const mixed = [
      ...first.map((_, n) => change(n, 'patch', { [fields[n % fields.length] ?? '']: `new ${n}` })),
      ...Array.from({ length: 30 }, (_, n) => change(30 + n, 'snapshot', { Name: `Account ${30 + n}` })),
    ];
    expect((await apply(mixed)).length).toBeLessThanOrEqual(6);
    const rows = await database.rows<{ fields: object }>(
      'select fields from accounts where id = any($1) order by id',
      [[idOf(0), idOf(1), idOf(4)]],
    );
    expect(rows.map(({ fields }) => fields)).toEqual([
      { Name: 'new 0', IsDeleted: false },
      { Name: 'Account 1', Phone: 'new 1', IsDeleted: false },
      { Name: 'Account 4', Site: 'new 4', IsDeleted: false },
    ]);
  });

  it('an error of one statement undoes the whole patch', async () => {
    await database.rows(`create or replace function refuse() returns trigger language plpgsql as
      $$ begin raise 'refused'; end $$`);
    await database.rows('create trigger refuse before insert on account_changes execute function refuse()');
    try {
      await expect(apply([change(90, 'snapshot', { Name: 'Refused' })])).rejects.toThrow('refused');
    } finally {
      await database.rows('drop trigger refuse on account_changes');
    }
    expect(await database.rows(`select from records where record_id = '${idOf(90)}'`)).toEqual([]);
    await apply([change(90, 'snapshot', { Name: 'Accepted' })]);
    expect(await database.rows(`select from records where record_id = '${idOf(90)}'`)).toHaveLength(1);
  });
});
