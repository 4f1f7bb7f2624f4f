import { beforeAll, describe, expect, it } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import type { Change } from '../../src/apply/merge.ts';
import type { AccountChange } from '../../src/apply/plan-patch.ts';
import type { Version } from '../../src/apply/version.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { readAccountAsOf } from '../../src/history/account-as-of.ts';
import { foldHistory } from '../../src/history/fold-history.ts';
import { listEntries, listFieldChanges, withChanges } from '../../src/history/list-entries.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { accountId } from '../http/rows.ts';

const [told = '', read = '', quiet = ''] = [1, 2, 3].map(accountId);
const second = (n: number): Date => new Date(n * 1000);
const versionAt = (n: number, readAt = 0): Version => [n * 1000, 1n, 1, readAt];
const valuesOf = (values: Record<string, Scalar>) => new Map(Object.entries(values));

let number = 0n;
const event = (
  id: string,
  at: number,
  values: Record<string, Scalar>,
  changeType = 'UPDATE',
): AccountChange => ({
  accountId: id,
  change: {
    version: versionAt(at),
    kind: changeType === 'CREATE' ? 'snapshot' : 'patch',
    values: valuesOf(values),
  },
  eligible: false,
  gap: false,
  event: { id: ++number, changeType },
});
const reading = (id: string, at: number, readAt: number, values: Record<string, Scalar>): AccountChange => ({
  accountId: id,
  change: { version: versionAt(at, readAt), kind: 'snapshot', values: valuesOf(values) },
  eligible: false,
  gap: false,
});

const change = (version: Version, values: Record<string, Scalar>): Change => ({
  version,
  kind: 'patch',
  values: valuesOf(values),
});

/** A database of its own for a group of tests, to which changes are applied and which is asked for the past. */
function useMirror() {
  const database = useDatabase();
  return {
    database,
    apply: (...changes: AccountChange[]) =>
      inTransaction(database.pool, (client) =>
        applyChanges(client, changes, codeRules({ field: 'SignUpCode__c' })),
      ),
    async asOf(id: string, at: number) {
      const past = await readAccountAsOf(database.pool, id, second(at));
      return past.kind === 'known' ? Object.fromEntries(past.state.merged.values) : past.kind;
    },
  };
}

describe('an account brought by a read', () => {
  const { database, apply } = useMirror();

  it('an account brought by a read has no history until something changes', async () => {
    const kept = () =>
      database.rows(
        `select form, written from account_changes union all select 'base', state from account_states`,
      );
    await apply(reading(quiet, 5, 1, { Name: 'C', IsDeleted: false }));
    expect(await kept()).toEqual([]);
    await apply(reading(quiet, 5, 2, { Name: 'C', IsDeleted: false }));
    expect(await kept()).toEqual([{ form: 'confirmed', written: {} }]);
    await apply(event(quiet, 6, { Name: 'D' }));
    expect(await kept()).toEqual([
      { form: 'confirmed', written: {} },
      { form: 'some', written: { Name: 'D' } },
      { form: 'base', written: { Name: 'C', IsDeleted: false } },
    ]);
  });
});

describe('changes that wait for a read to be inserted before them', () => {
  const { database, apply, asOf } = useMirror();
  const states = async (): Promise<number> =>
    (await database.rows('select from account_states where not is_base')).length;

  it('late changes get interim checkpoints so that no change depends on all others', async () => {
    const read = { Name: 'A', Site: '70', Phone: null, IsDeleted: false };
    await apply(reading(told, 5, 1, { ...read, Site: '0' }));
    await apply(reading(told, 1_000, 2, read));
    for (let n = 1; n <= 70; n++)
      await apply(event(told, 10 + n, { Site: String(n), ...(n % 21 === 1 ? { Name: `A${n}` } : {}) }));
    expect(await states()).toBe(3);
    for (let n = 1; n <= 70; n++)
      expect(await asOf(told, 10 + n)).toMatchObject({ Name: `A${n - ((n - 1) % 21)}`, Site: String(n) });
    expect(await asOf(told, 1_001)).toEqual({ Name: 'A', Site: '70', IsDeleted: false });
  });

  it('even later changes are included in the interim checkpoints', async () => {
    await apply({ ...event(told, 20, { Phone: '1' }), change: change([20_000, 2n, 1, 0], { Phone: '1' }) });
    expect(await states()).toBe(3);
    expect(await asOf(told, 19)).toMatchObject({ Name: 'A1', Site: '9' });
    expect(await asOf(told, 19)).not.toHaveProperty('Phone', '1');
    for (const at of [20, 31, 52, 73, 80])
      expect(await asOf(told, at)).toMatchObject({ Phone: '1', Site: String(at - 10) });
    expect(await asOf(told, 1_001)).toMatchObject({ Name: 'A', Site: '70' });
    expect(await asOf(told, 1_001)).not.toHaveProperty('Phone', '1');
  });
});

describe('folded histories', () => {
  const { database, apply, asOf } = useMirror();
  const count = async (table: string): Promise<number> =>
    Number((await database.rows<{ n: bigint }>(`select count(*) as n from ${table}`))[0]?.n);

  beforeAll(async () => {
    await apply(event(told, 10, { Name: 'A', Site: '0', IsDeleted: false }, 'CREATE'));
    for (let n = 1; n <= 250; n++) await apply(event(told, 10 + n, { Site: String(n) }));
    await apply(reading(read, 5, 1, { Name: 'B', Site: null, IsDeleted: false }));
    await apply(reading(quiet, 5, 1, { Name: 'C', IsDeleted: false }));
    await apply(reading(quiet, 5, 2, { Name: 'C', IsDeleted: false }));
    await apply(event(read, 20, { Name: 'BB' }), event(read, 300, { Name: 'BBB' }));
  });

  it('a folded history has checkpoints that include every late change before them', async () => {
    expect(await count('account_states')).toBe(3);
    await apply(event(told, 50, { Name: 'late' }));
    const late = (at: number, values: Record<string, Scalar>): AccountChange => ({
      ...event(told, at, values),
      change: change([at * 1_000, 2n, 1, 0], values),
    });
    // Several at once, in no order.
    await apply(
      late(100, { Name: 'later' }),
      late(120, { Phone: '2' }),
      late(90, { Name: 'earlier', Phone: '1' }),
    );
    expect(await asOf(told, 49)).toMatchObject({ Name: 'A', Site: '39' });
    expect(await asOf(told, 99)).toMatchObject({ Name: 'earlier', Phone: '1', Site: '89' });
    expect(await asOf(told, 119)).toMatchObject({ Name: 'later', Phone: '1', Site: '109' });
    expect(await asOf(told, 260)).toMatchObject({ Name: 'later', Phone: '2', Site: '250' });
  });

  it('the states behind the fold are the same as before and none are known before it', async () => {
    const before = await Promise.all([150, 200, 260, 400].map((at) => asOf(told, at)));
    const others = await Promise.all([asOf(read, 25), asOf(read, 301), asOf(quiet, 30)]);
    const all = [];
    for (let after: string | null = null, first = true; first || after !== null; first = false) {
      const progress = await foldHistory(database.pool, { through: second(140), after, accounts: 2 });
      all.push(progress);
      after = progress.after;
    }
    expect(all.map(({ folded }) => folded)).toEqual([2, 1]);
    expect(all.map(({ removed }) => removed).reduce((a, b) => a + b)).toBe(134 + 1 + 1);
    expect(await Promise.all([150, 200, 260, 400].map((at) => asOf(told, at)))).toEqual(before);
    expect(await Promise.all([asOf(read, 25), asOf(read, 301), asOf(quiet, 30)])).toEqual(others);
    expect(await Promise.all([asOf(told, 139), asOf(read, 19)])).toEqual([
      'before-history',
      'before-history',
    ]);
    expect(await foldHistory(database.pool, { through: second(140) })).toMatchObject({
      folded: 0,
      removed: 0,
    });
  });

  it('a folded history begins with the state that it was folded into', async () => {
    const page = await withChanges(
      database.pool,
      read,
      await listEntries(database.pool, { accountId: read, before: null, limit: 9 }),
    );
    expect(page.map(({ listed, changes }) => [listed.kind, changes])).toEqual([
      ['event', [{ field: 'Name', before: 'BB', after: 'BBB' }]],
      [
        'folded',
        [
          { field: 'IsDeleted', after: false },
          { field: 'Name', after: 'BB' },
        ],
      ],
    ]);
    const names = await listFieldChanges(database.pool, {
      accountId: read,
      before: null,
      limit: 9,
      path: 'Name',
    });
    expect(names.map(({ change }) => change)).toEqual([
      { field: 'Name', before: 'BB', after: 'BBB' },
      { field: 'Name', after: 'BB' },
    ]);
  });

  it('a late change from before the fold is included in the fold', async () => {
    await apply(
      event(told, 120, { Name: 'last' }),
      event(read, 15, { Site: 'x' }),
      event(quiet, 4, { Name: 'old' }),
    );
    expect(await asOf(told, 150)).toMatchObject({ Name: 'last', Site: '140' });
    expect(await asOf(read, 25)).toMatchObject({ Name: 'BB', Site: 'x' });
    expect(await asOf(quiet, 30)).toEqual({ Name: 'C', IsDeleted: false });
    const rows = await database.rows<{ fields: object }>('select fields from accounts order by id');
    expect(rows.map(({ fields }) => fields)).toEqual([
      await asOf(told, 400),
      await asOf(read, 400),
      await asOf(quiet, 400),
    ]);
  });
});
