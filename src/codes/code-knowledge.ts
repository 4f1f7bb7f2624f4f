import { type Change, fieldVersion, type Merged } from '../apply/merge.ts';
import { compareVersions, isReadVersion, type Version, zeroVersion } from '../apply/version.ts';

/**
 * How it is known what Salesforce holds in the field of the codes, and as of which version:
 * - `event`: an event named the field, so somebody changed it at that version
 * - `record`: an event brought a whole record (CREATE, UNDELETE)
 * - `read`: the record was read
 * - `nothing`: the change at hand says nothing of the field, or something older than what is known
 */
export type Knowledge =
  | { readonly by: 'event' | 'record' | 'read'; readonly version: Version }
  | { readonly by: 'nothing' };

/** When a code was written. */
export type Written = {
  /** The version of the read before the write: what is not newer does not contain the write. */
  readonly base: Version;
  /** When Salesforce's answer came, in epoch milliseconds. */
  readonly at: number;
};

/** Whether what is known contains a write of ours, as far as that can be told. */
export type Age = 'before' | 'after' | 'unknown';

/** The code that Salesforce holds, by the mirror. */
export function heldCode({ values }: Merged, field: string): string | null {
  const held = values.get(field) ?? null;
  return held === null || held === '' ? null : String(held);
}

/** What a change that was just merged says of the field of the codes. */
export function knowledgeOf({ version, kind, values }: Change, merged: Merged, field: string): Knowledge {
  const isNews = values.has(field) && compareVersions(fieldVersion(merged, field), version) === 0;
  if (!isNews) return { by: 'nothing' };
  if (isReadVersion(version)) return { by: 'read', version };
  return { by: kind === 'patch' ? 'event' : 'record', version };
}

/**
 * Events are told apart by their version, reads by the time at which they were sent: their version alone can be that
 * of the read before the write. A whole record that an event brought may be older than the write although its version
 * is greater, since the commit of a read is known by the second only; a read decides later.
 */
export function knowsWrite(knowledge: Knowledge, written: Written = unknownWrite): Age {
  if (knowledge.by === 'nothing') return 'unknown';
  const { by, version } = knowledge;
  if (compareVersions(version, written.base) <= 0) return 'before';
  if (by === 'event') return 'after';
  const [, , , readAt] = version;
  return by === 'read' && readAt > written.at ? 'after' : 'unknown';
}

/** Of codes that were written before this was recorded. */
const unknownWrite: Written = { base: zeroVersion, at: 0 };
