import { hash } from 'node:crypto';
import { invalid, type Problem } from '../problem.ts';
import { isPosition, type KeysetOrder, type KeysetPosition } from './keyset.ts';

/**
 * A cursor says after which row a list goes on, and for which list and filters it was made.
 * It is opaque to clients and signed on its way out; its first member is the version of this format.
 */
export function encodeCursor(list: string, position: KeysetPosition): string {
  return Buffer.from(JSON.stringify([1, list, position.by, position.id])).toString('base64url');
}

/**
 * Reads a cursor that `encodeCursor` made for the same list; null without a cursor.
 * @throws Problem 400 naming `cursor`
 */
export function decodeCursor(
  list: string,
  cursor: string | undefined,
  order: KeysetOrder,
): KeysetPosition | null {
  if (cursor === undefined) return null;
  const [version, madeFor, by, id] = parse(cursor);
  if (version !== 1 || typeof madeFor !== 'string' || typeof id !== 'string') throw malformed();
  if (madeFor !== list) {
    throw invalid('cursor', 'was made for other parameters: keep them all while you follow a list');
  }
  if (by !== null && typeof by !== 'string') throw malformed();
  if (!isPosition(order, { by, id })) throw malformed();
  return { by, id };
}

/** Identifies a list by its path and its parameters other than `limit` and `cursor`. */
export function listKey(path: string, query: Readonly<Record<string, unknown>>): string {
  const parameters = Object.entries(query)
    .filter(([name, value]) => name !== 'limit' && name !== 'cursor' && value !== undefined)
    .map(([name, value]) => [name, isMembers(value) ? sorted(Object.entries(value)) : value] as const);
  return hash('sha256', JSON.stringify([path, sorted(parameters)]), 'base64url').slice(0, 16);
}

function sorted<T>(entries: (readonly [string, T])[]): (readonly [string, T])[] {
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

function isMembers(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function parse(cursor: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function malformed(): Problem {
  return invalid('cursor', 'is not one that this list gave out');
}
