import { type Change, fieldVersion, type Merged } from '../apply/merge.ts';
import { compareVersions, isReadVersion, type Version, zeroVersion } from '../apply/version.ts';
import type { ValueLookup } from './code-filter.ts';

/**
 * Source of the known value of the code field, and its version:
 * - `event`: an event named the field as changed
 * - `record`: an event had a whole record (CREATE, UNDELETE)
 * - `read`: the record was read
 * - `none`: the change does not have the field, or an older value than the known one
 */
export type Knowledge =
  | { readonly by: 'event' | 'record' | 'read'; readonly version: Version }
  | { readonly by: 'none' };

export type Written = {
  /** The version of the read before the write: older versions do not contain the write. */
  readonly base: Version;
  /** When Salesforce's response arrived, epoch milliseconds. */
  readonly at: number;
};

/** Whether a known value is from before or after a write. */
type Age = 'before' | 'after' | 'unknown';

/** The code that Salesforce holds, as far as the mirror knows. */
export function heldCode({ values }: { readonly values: ValueLookup }, field: string): string | null {
  const held = values.get(field) ?? null;
  return held === null || held === '' ? null : String(held);
}

/** The knowledge about the code field from a change that was just merged. */
export function knowledgeOf({ version, kind, values }: Change, merged: Merged, field: string): Knowledge {
  const isNews = values.has(field) && compareVersions(fieldVersion(merged, field), version) === 0;
  if (!isNews) return { by: 'none' };
  if (isReadVersion(version)) return { by: 'read', version };
  return { by: kind === 'patch' ? 'event' : 'record', version };
}

/**
 * Compares knowledge with a write: events by their version, reads by the time at which they were sent, because their
 * version can equal that of the read before the write. A record of an event may be older than the write although its
 * version is greater, because the commit time of a read is known to the second only; a later read decides.
 */
export function knowsWrite(knowledge: Knowledge, written: Written = unknownWrite): Age {
  if (knowledge.by === 'none') return 'unknown';
  const { by, version } = knowledge;
  if (compareVersions(version, written.base) <= 0) return 'before';
  if (by === 'event') return 'after';
  const [, , , readAt] = version;
  return by === 'read' && readAt > written.at ? 'after' : 'unknown';
}

// For codes written before the time was recorded.
const unknownWrite: Written = { base: zeroVersion, at: 0 };
