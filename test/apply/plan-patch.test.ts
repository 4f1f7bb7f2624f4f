import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccountRow } from '../../src/apply/account-row.ts';
import { emptyState } from '../../src/apply/merge.ts';
import { type AccountChange, type Patch, planPatch } from '../../src/apply/plan-patch.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import type { CodeOwner } from '../../src/codes/resolve-code-conflicts.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';

const codeField = 'SignUpCode__c';
const at = '2026-11-23T08:00:00.000Z';
const ids = ['001000000000001AAA', '001000000000002AAA', '001000000000003AAA'];
const [a = '', b = ''] = ids;

let generated = 0;
const codes = { ...codeRules({ field: codeField }), generate: () => `GENERATED${++generated}` };
const plan = (
  before: ReadonlyMap<string, AccountRow>,
  changes: readonly AccountChange[],
  owners: readonly CodeOwner[] = [],
): Patch => planPatch(before, changes, { codes, owners, at });

const change = (
  accountId: string,
  second: number,
  kind: 'snapshot' | 'patch',
  values: Readonly<Record<string, Scalar>>,
): AccountChange => ({
  accountId,
  change: { version: [second * 1_000, 1n, 1, 0], kind, values: new Map(Object.entries(values)) },
  eligible: kind === 'snapshot',
  gap: false,
});

/** The rows after a patch. */
const rowsAfter = (
  before: ReadonlyMap<string, AccountRow>,
  { added, changed }: Patch,
): Map<string, AccountRow> =>
  new Map([
    ...before,
    ...added.map((row) => [row.id, row] as const),
    ...changed.map(({ row }) => [row.id, row] as const),
  ]);

const valuesOf = (rows: ReadonlyMap<string, AccountRow>) =>
  new Map(
    [...rows].map(([id, { merged }]) => [
      id,
      [...merged.values].filter(([, value]) => value !== null).sort(),
    ]),
  );

const anyChange = fc
  .record({
    id: fc.constantFrom(...ids),
    second: fc.integer({ min: 1, max: 9 }),
    kind: fc.constantFrom('snapshot' as const, 'patch' as const),
    values: fc.record(
      {
        Name: fc.constantFrom('Acme', 'Ärger', null),
        Phone: fc.constantFrom('1', '2', null),
        IsDeleted: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ id, second, kind, values }) => change(id, second, kind, values as Record<string, Scalar>));
// Two changes of one version are copies of one event.
const anyChanges = fc.uniqueArray(anyChange, {
  selector: ({ accountId, change: { version } }) => `${accountId} ${version[0]}`,
  maxLength: 8,
});

describe('the plan of a patch', () => {
  it('a plan of all changes at once has the values of plans of one change after the other, in any order', () => {
    fc.assert(
      fc.property(anyChanges, fc.func(fc.integer()), (changes, key) => {
        const shuffled = [...changes].sort((x, y) => key(x.change.version[0]) - key(y.change.version[0]));
        const together = rowsAfter(new Map(), plan(new Map(), changes));
        let step: Map<string, AccountRow> = new Map();
        for (const one of shuffled) step = rowsAfter(step, plan(step, [one]));
        expect(valuesOf(step)).toEqual(valuesOf(together));
      }),
    );
  });

  it('changes that are already merged write nothing', () => {
    fc.assert(
      fc.property(anyChanges, (changes) => {
        const before = rowsAfter(new Map(), plan(new Map(), changes));
        const again = plan(before, changes);
        expect([...again.added, ...again.codes, ...again.releasing]).toEqual([]);
        expect(again.changed.filter(({ row }) => row.visible)).toEqual([]);
      }),
    );
  });

  it('every account appears in one list of results, and a new one gets one code', () => {
    const {
      result,
      codes: saved,
      added,
    } = plan(new Map(), [
      change(a, 1, 'snapshot', { Name: 'Acme' }),
      change(a, 2, 'patch', { Phone: '1' }),
      change(b, 1, 'snapshot', { Name: 'Beta', [codeField]: 'HELD' }),
    ]);
    expect(result).toMatchObject({ created: [a, b], updated: [], unchanged: [], writeBacks: [a] });
    expect(added.map(({ id }) => id)).toEqual([a, b]);
    expect(saved.map(({ row: { id, code } }) => [id, code.state])).toEqual([
      [a, 'pending'],
      [b, 'confirmed'],
    ]);
  });

  it('a code that an account outside the changes owns is a conflict of the one that claims it', () => {
    const owners = [{ id: b, code: 'HELD', deleted: false, pending: false }];
    const { codes: saved } = plan(new Map(), [change(a, 1, 'snapshot', { [codeField]: 'HELD' })], owners);
    expect(saved.map(({ row: { code } }) => code)).toMatchObject([
      { signupCode: null, state: 'failed', error: { code: 'duplicate' } },
    ]);
  });

  it('a change that is older than the account is a late entry of its history', () => {
    const before = rowsAfter(new Map(), plan(new Map(), [change(a, 5, 'snapshot', { Name: 'Acme' })]));
    const { entries, late, result } = plan(before, [change(a, 3, 'patch', { Name: 'Older' })]);
    expect(entries).toEqual([]);
    expect(late.map(({ entry }) => entry.version[0])).toEqual([3_000]);
    expect(result).toMatchObject({ unchanged: [a], newer: [a] });
  });

  it('the rows that were read stay as they are', () => {
    const before = rowsAfter(new Map(), plan(new Map(), [change(a, 1, 'snapshot', { Name: 'Acme' })]));
    const copy = structuredClone(before);
    plan(before, [change(a, 2, 'patch', { Name: 'Beta' })]);
    expect(before).toEqual(copy);
    expect(emptyState.values.size).toBe(0);
  });
});
