import { deletedField, isComplete, type Merged, topOf } from './merge.ts';
import { compareVersions, laterVersion, type Version } from './version.ts';

/** The versions of an account, and whether it is deleted. */
export type AccountVersions = Pick<Merged, 'baseVersion' | 'fieldVersions'> & { readonly deleted: boolean };

/**
 * Folds the versions up to `horizon` into the base, so that the row stays small. The base becomes the newest of them: a
 * version that this account really has, so every later reading of it wins over it.
 *
 * That leaves the merge as it is, provided that no change up to `horizon` is still to come. What cannot be folded:
 * - anything, where the base itself is beyond the horizon or the account has never been seen whole;
 * - a part of a compound field that has a later version of its own: it would take that for its own;
 * - the deletion, whose version says when the account was deleted.
 *
 * @returns undefined where there is nothing to fold
 */
export function foldVersions(
  { baseVersion, fieldVersions, deleted }: AccountVersions,
  horizon: Version,
): Pick<Merged, 'baseVersion' | 'fieldVersions'> | undefined {
  if (!isComplete({ baseVersion })) return undefined;
  const isSettled = (path: string): boolean => {
    const at = fieldVersions.get(path);
    if (at === undefined) return true;
    return compareVersions(at, baseVersion) > 0 && compareVersions(at, horizon) <= 0;
  };
  const folded = [...fieldVersions].filter(
    ([path]) => isSettled(path) && isSettled(topOf(path)) && !(deleted && path === deletedField),
  );
  if (folded.length === 0) return undefined;
  const gone = new Set(folded.map(([path]) => path));
  return {
    baseVersion: folded.map(([, at]) => at).reduce(laterVersion, baseVersion),
    fieldVersions: new Map([...fieldVersions].filter(([path]) => !gone.has(path))),
  };
}
