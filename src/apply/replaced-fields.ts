import { isStorableText, storableText } from '../db/storable.ts';
import type { Scalar } from '../salesforce/change-event.ts';
import { type Change, fieldVersion, type Merged } from './merge.ts';
import { compareVersions } from './version.ts';

/** Makes the texts of a change storable in PostgreSQL; `replaced` has the fields whose text was altered. */
export function toStorable(change: Change): Change {
  if (storable.has(change)) return change;
  const result = replaceUnstorable(change);
  storable.add(result);
  return result;
}

// Changes of reads are compared before they are merged.
const storable = new WeakSet<Change>();

function replaceUnstorable(change: Change): Change {
  const altered = [...change.values].filter(
    ([path, value]) => !isStorableText(path) || !isStorableValue(value),
  );
  if (altered.length === 0) return change;
  const values = new Map(
    [...change.values].map(([path, value]) => [storableText(path), storableValue(value)]),
  );
  const replaced = new Set(change.replaced);
  for (const [path] of altered) replaced.add(storableText(path));
  return { ...change, values, replaced };
}

function isStorableValue(value: Scalar): boolean {
  return typeof value !== 'string' || isStorableText(value);
}

function storableValue(value: Scalar): Scalar {
  return typeof value === 'string' ? storableText(value) : value;
}

/** The fields with a replaced character after a merge: those of the change if it won, the previous ones otherwise. */
export function replacedAfter(
  before: ReadonlySet<string>,
  merged: Merged,
  { replaced = none, version }: Change,
): ReadonlySet<string> {
  if (before.size === 0 && replaced.size === 0) return before;
  const isWritten = (path: string): boolean => compareVersions(fieldVersion(merged, path), version) === 0;
  return new Set(
    [...before, ...replaced].filter((path) => (isWritten(path) ? replaced.has(path) : before.has(path))),
  );
}

const none: ReadonlySet<string> = new Set();
