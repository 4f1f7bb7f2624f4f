import { deletedField, isComplete, type Merged, topOf } from './merge.ts';
import { compareVersions, laterVersion, type Version } from './version.ts';

/** The versions of an account, and whether it is deleted. */
export type AccountVersions = Pick<Merged, 'baseVersion' | 'fieldVersions'> & { readonly deleted: boolean };

/**
 * Folds field versions up to `horizon` into the base version, which keeps the row small. The new base version is the
 * newest folded one. It is a version of this account, so later reads of the account win over it.
 *
 * Merges give the same result as before, provided that no change up to `horizon` arrives later. Not folded are:
 * - any versions, if the base version is beyond the horizon or the account is incomplete;
 * - a part of a compound field whose field has a later version, because the part would inherit that version;
 * - the deletion, whose version is the time of the deletion.
 *
 * @returns undefined if there is nothing to fold
 */
export function foldVersions(
  { baseVersion, fieldVersions, deleted }: AccountVersions,
  horizon: Version,
): Pick<Merged, 'baseVersion' | 'fieldVersions'> | undefined {
  if (!isComplete({ baseVersion })) return undefined;
  const isFoldable = (path: string): boolean => {
    const at = fieldVersions.get(path);
    if (at === undefined) return true;
    return compareVersions(at, baseVersion) > 0 && compareVersions(at, horizon) <= 0;
  };
  const folded = [...fieldVersions].filter(
    ([path]) => isFoldable(path) && isFoldable(topOf(path)) && !(deleted && path === deletedField),
  );
  if (folded.length === 0) return undefined;
  const foldedPaths = new Set(folded.map(([path]) => path));
  return {
    baseVersion: folded.map(([, at]) => at).reduce(laterVersion, baseVersion),
    fieldVersions: new Map([...fieldVersions].filter(([path]) => !foldedPaths.has(path))),
  };
}
