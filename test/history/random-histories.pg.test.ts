import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { applyChanges } from '../../src/apply/apply-changes.ts';
import { type FieldTree, fromTree } from '../../src/apply/field-tree.ts';
import {
  type Change,
  deletedField,
  emptyState,
  isComplete,
  type Merged,
  merge,
} from '../../src/apply/merge.ts';
import type { AccountChange } from '../../src/apply/plan-patch.ts';
import { compareVersions } from '../../src/apply/version.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { type PastAccount, readAccountAsOf } from '../../src/history/account-as-of.ts';
import { diffAccount } from '../../src/history/diff-account.ts';
import { listEntries, listFieldChanges, withChanges } from '../../src/history/list-entries.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { accountHistory } from '../apply/account-history.ts';
import { randomCases } from '../helpers/property.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { accountId } from '../http/rows.ts';

type Told = {
  readonly id: string;
  readonly changes: readonly Change[];
  readonly delivered: readonly Change[];
};

type HistoryRow = {
  readonly id: string;
  readonly valid_from: Date;
  readonly valid_to: Date | null;
  readonly is_current: boolean;
  readonly is_complete: boolean;
  readonly values: Readonly<Record<string, Scalar>>;
};

const seed = Number(process.env['FC_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const accounts = randomCases(200);
const paths = ['Name', 'Industry', 'BillingAddress.City', 'BillingAddress.Street', 'SignUpCode__c'];
const filled = (values: ReadonlyMap<string, Scalar>) =>
  Object.fromEntries([...values].filter(([, value]) => value !== null).sort(([a], [b]) => (a < b ? -1 : 1)));
/** The table knows of every account whether it is deleted; the first changes may not say so. */
const withoutUndeleted = ({ [deletedField]: deleted, ...values }: Record<string, Scalar>) =>
  deleted === true ? { ...values, [deletedField]: deleted } : values;
const isReading = ({ version }: Change): boolean => version[3] > 0;
const upTo = (changes: readonly Change[], time: number): Merged =>
  changes.filter(({ version }) => version[0] <= time).reduce(merge, emptyState);

/** Random lives; every third account is first met by a reading, every other one hears of its changes in disorder and twice. */
function tellStories(): Told[] {
  const disorder = fc.array(fc.nat(), { minLength: 80, maxLength: 80 });
  return fc
    .sample(fc.tuple(accountHistory, disorder), { seed, numRuns: accounts })
    .map(([{ changes }, random], index) => {
      const first = index % 3 === 0 ? Math.max(0, changes.findIndex(isReading)) : 0;
      const rest = changes.slice(first);
      const twice = [...rest, ...rest.filter((_, place) => (random[place] ?? 0) % 4 === 0)];
      const shuffled = twice
        .map((change, place) => ({ change, place: random[place] ?? 0 }))
        .sort((a, b) => a.place - b.place)
        .map(({ change }) => change);
      return { id: accountId(index + 1), changes: rest, delivered: index % 2 === 0 ? rest : shuffled };
    });
}

describe(`the history of random accounts (FC_SEED=${seed})`, () => {
  const database = useDatabase();
  const told = tellStories();

  beforeAll(async () => {
    let number = 0n;
    const longest = Math.max(...told.map(({ delivered }) => delivered.length));
    for (let step = 0; step < longest; step += 5) {
      const batch = told.flatMap(({ id, delivered }) =>
        delivered.slice(step, step + 5).map((change): AccountChange => {
          const changeType =
            change.kind === 'patch' ? 'UPDATE' : delivered[0] === change ? 'CREATE' : 'UNDELETE';
          const event = { id: ++number, changeType };
          const gap = change.kind === 'patch' && change.values.size === 0;
          return { accountId: id, change, eligible: false, gap, ...(isReading(change) ? {} : { event }) };
        }),
      );
      await inTransaction(database.pool, (client) =>
        applyChanges(client, batch, codeRules({ field: 'SignUpCode__c' })),
      );
    }
    for (const story of told) {
      const moments = momentsOf(story);
      const read = await Promise.all(
        moments.map(
          async (time) => [time, await readAccountAsOf(database.pool, story.id, new Date(time))] as const,
        ),
      );
      pasts.set(story.id, new Map(read));
    }
  }, 120_000);

  /** From when on an account is known that a reading brought: what was before is not told. */
  const beginOf = ({ delivered: [first] }: Told): number =>
    first !== undefined && isReading(first) && (first.unreadFields?.size ?? 0) === 0 ? first.version[0] : 0;
  const momentsOf = ({ changes }: Told): number[] => {
    const times = changes.map(({ version }) => version[0]);
    return [...new Set([...times, ...times.map((time) => time - 1), Math.max(...times) + 9_999])];
  };
  /** What the mirror tells of every moment of an account, by time. */
  const pasts = new Map<string, ReadonlyMap<number, PastAccount>>();
  const current = async (): Promise<Map<string, Record<string, Scalar>>> => {
    const rows = await database.rows<{ id: string; fields: FieldTree }>('select id, fields from accounts');
    return new Map(rows.map(({ id, fields }) => [id, filled(fromTree(fields))]));
  };

  it('the state as of every moment is what had committed by then', async () => {
    let known = 0;
    for (const story of told) {
      for (const [time, past] of pasts.get(story.id) ?? []) {
        const expected = upTo(story.changes, time);
        const where = `${story.id} as of ${time}`;
        if (past.kind === 'known' && isComplete(expected)) {
          known++;
          expect(filled(past.state.merged.values), where).toEqual(filled(expected.values));
        } else if (past.kind === 'known') expect(past.state.staleVersion, where).not.toBeNull();
        else if (isComplete(expected)) expect(time, where).toBeLessThan(beginOf(story));
      }
    }
    expect(known).toBeGreaterThan(told.length);
  }, 120_000);

  it('the view account_history shows each state from the moment it was committed', async () => {
    const rows = await database.rows<HistoryRow>(
      'select * from salesforce.account_history order by id, valid_from',
    );
    const byAccount = Map.groupBy(rows, ({ id }) => id);
    for (const story of told) {
      const periods = byAccount.get(story.id) ?? [];
      for (const [index, { valid_to, is_current }] of periods.entries()) {
        expect(valid_to, story.id).toEqual(periods[index + 1]?.valid_from ?? null);
        expect(is_current, story.id).toBe(valid_to === null);
      }
      for (const [time, past] of pasts.get(story.id) ?? []) {
        const period = periods.findLast(({ valid_from }) => valid_from.getTime() <= time);
        const where = `${story.id} as of ${time}`;
        if (past.kind !== 'known') expect(period?.is_complete ?? false, where).toBe(false);
        else
          expect(period && filled(new Map(Object.entries(period.values))), where).toEqual(
            filled(past.state.merged.values),
          );
      }
    }
  }, 120_000);

  it('the difference of two moments equals that of their states', async () => {
    for (const story of told.slice(0, 100)) {
      const times = momentsOf(story).filter(
        (time) => time >= beginOf(story) && isComplete(upTo(story.changes, time)),
      );
      const [from = 0, to = 0] = [times[0], times.at(-1)].sort((a = 0, b = 0) => a - b);
      if (times.length < 2) continue;
      const diff = await diffAccount(database.pool, story.id, new Date(from), new Date(to));
      if (diff.kind !== 'known') throw new Error(`${story.id}: ${diff.kind}`);
      const [a, b] = [filled(upTo(story.changes, from).values), filled(upTo(story.changes, to).values)];
      for (const { field, before, after } of diff.changes) {
        expect([before, after], story.id).toEqual([a[field] ?? null, b[field] ?? null]);
        expect(before).not.toBe(after);
        a[field] = after;
      }
      expect(filled(new Map(Object.entries(a))), story.id).toEqual(b);
    }
  }, 60_000);

  it('the sum of all changes is the present state of the account', async () => {
    const now = await current();
    for (const { id } of told) {
      const entries = await listEntries(database.pool, { accountId: id, before: null, limit: 200 });
      const sum = new Map<string, Scalar>();
      for (const { listed, changes } of (await withChanges(database.pool, id, entries)).reverse()) {
        if (listed.base !== null) sum.clear();
        for (const { field, before, after } of changes) {
          if (before !== undefined && listed.base === null)
            expect(sum.get(field) ?? null, `${id} ${field}`).toBe(before);
          sum.set(field, after);
        }
      }
      expect(withoutUndeleted(filled(sum)), id).toEqual(withoutUndeleted(now.get(id) ?? {}));
    }
  }, 60_000);

  it('the history of every field shows each change of its value', async () => {
    const now = await current();
    for (const { id } of told.slice(0, 200)) {
      for (const path of paths) {
        const writes = await listFieldChanges(database.pool, {
          accountId: id,
          before: null,
          limit: 200,
          path,
        });
        expect(writes[0]?.change.after ?? null, `${id} ${path}`).toBe(now.get(id)?.[path] ?? null);
        const versions = writes.map(({ listed }) => listed.entry.version);
        expect(versions).toEqual(versions.toSorted((a, b) => compareVersions(b, a)));
      }
    }
  }, 60_000);
});
