import { createHash } from 'node:crypto';

/** A weak entity tag that changes with the row and with the set of fields it is shown with. */
export function accountTag(revision: bigint, fieldNames: readonly string[]): string {
  return `W/"${revision}-${shapeOf(fieldNames)}"`;
}

// The names are looked up once for many requests.
const shapes = new WeakMap<readonly string[], string>();

function shapeOf(fieldNames: readonly string[]): string {
  const known = shapes.get(fieldNames);
  if (known !== undefined) return known;
  const shape = createHash('sha256').update(fieldNames.join(',')).digest('base64url').slice(0, 8);
  shapes.set(fieldNames, shape);
  return shape;
}

/** Whether an `If-None-Match` header names the tag, by the weak comparison of RFC 9110. */
export function matchesTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  const opaque = tag.replace(/^W\//, '');
  return header.split(',').some((candidate) => candidate.trim().replace(/^W\//, '') === opaque);
}
