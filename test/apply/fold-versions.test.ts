import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { foldVersions } from '../../src/apply/fold-versions.ts';
import { deletedField, emptyState, type Merged, merge } from '../../src/apply/merge.ts';
import { compareVersions, type Version } from '../../src/apply/version.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { runs } from '../helpers/property.ts';
import { accountHistory } from './account-history.ts';

const filled = (values: ReadonlyMap<string, Scalar>) =>
  Object.fromEntries([...values].filter(([, value]) => value !== null).sort(([a], [b]) => (a < b ? -1 : 1)));

function fold(state: Merged, horizon: Version): Merged {
  const deleted = state.values.get(deletedField) === true;
  return { ...state, ...foldVersions({ ...state, deleted }, horizon) };
}

const at = (seconds: number): Version => [seconds * 1000, 1n, 1, 0];

describe('folding of field versions', () => {
  it('folding does not change the result of a merge if everything still to come is newer', () => {
    let folds = 0;
    fc.assert(
      fc.property(accountHistory, fc.nat(), ({ changes, final }, pick) => {
        const split = pick % (changes.length + 1);
        const toCome = changes.slice(split);
        const settled = changes
          .slice(0, split)
          .map(({ version }) => version)
          .filter((version) => toCome.every((change) => compareVersions(version, change.version) < 0))
          .sort(compareVersions);
        let state = changes.slice(0, split).reduce(merge, emptyState);
        for (const horizon of settled) {
          const folded = fold(state, horizon);
          if (folded.fieldVersions.size < state.fieldVersions.size) folds++;
          state = folded;
        }
        expect(filled(toCome.reduce(merge, state).values)).toEqual(filled(final));
      }),
      runs,
    );
    expect(folds).toBeGreaterThan(20);
  });

  it('folding keeps only versions that are newer or that distinguish values', () => {
    const fieldVersions = new Map([
      ['Name', at(3)],
      ['Phone', at(9)],
      ['BillingAddress', at(8)],
      ['BillingAddress.City', at(2)],
      ['ShippingAddress.City', at(4)],
      [deletedField, at(5)],
    ]);
    const folded = foldVersions({ baseVersion: at(1), fieldVersions, deleted: true }, at(6));
    expect(folded?.baseVersion).toEqual(at(4));
    expect([...(folded?.fieldVersions.keys() ?? [])]).toEqual([
      'Phone',
      'BillingAddress',
      'BillingAddress.City',
      deletedField,
    ]);
  });

  it('an account that was never seen completely or has a newer base has nothing to fold', () => {
    const fieldVersions = new Map([['Name', at(2)]]);
    expect(
      foldVersions({ baseVersion: emptyState.baseVersion, fieldVersions, deleted: false }, at(6)),
    ).toBeUndefined();
    expect(foldVersions({ baseVersion: at(7), fieldVersions, deleted: false }, at(6))).toBeUndefined();
  });
});
