import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { KeysetOrder } from '../../src/http/search/keyset.ts';
import { decodeCursor, encodeCursor, listKey } from '../../src/http/search/list-page.ts';

const byName: KeysetOrder = {
  by: { sql: 'name', type: 'text', isNullable: true },
  id: { sql: 'id', type: 'text' },
  descending: false,
};
const byTime: KeysetOrder = {
  by: { sql: 'created_at', type: 'timestamptz' },
  id: { sql: 'id', type: 'uuid' },
  descending: true,
};
const byNumber: KeysetOrder = { id: { sql: 'id', type: 'bigint' }, descending: true };

test('a cursor is read back as it was given out and fits into a URL', () => {
  const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(fc.option(text), text, (by, id) => {
      const cursor = encodeCursor('list', { by, id });
      expect(cursor).toMatch(/^[\w-]+$/);
      expect(decodeCursor('list', cursor, byName)).toEqual({ by, id });
    }),
  );
});

test('a missing cursor means the beginning', () => {
  expect(decodeCursor('list', undefined, byName)).toBeNull();
});

test('a cursor of another list is refused', () => {
  const cursor = encodeCursor('list', { by: 'Acme', id: '1' });
  expect(() => decodeCursor('other list', cursor, byName)).toThrow('cursor belongs to other parameters');
});

test('an invalid cursor is refused and never causes an unexpected error', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.base64String(), fc.json().map(encode)), (cursor) => {
      expect(() => decodeCursor('list', cursor, byName)).toThrow('cursor is not a cursor of this list');
    }),
  );
});

test.each([
  ['an id that is no number', byNumber, [1, 'list', null, 'x']],
  ['a number beyond bigint', byNumber, [1, 'list', null, '9223372036854775808']],
  ['a negative number', byNumber, [1, 'list', null, '-1']],
  ['an ordering value where there is none', byNumber, [1, 'list', 'x', '1']],
  ['a time that is none', byTime, [1, 'list', 'now()', '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01']],
  [
    'no value of a column that has one in every row',
    byTime,
    [1, 'list', null, '7b0a4f6e-35a5-4f43-9d67-0c6a1d3b2e01'],
  ],
  ['an id that is no UUID', byTime, [1, 'list', '2026-11-23T10:00:00.000Z', '1']],
  ['a text with U+0000', byName, [1, 'list', 'a\0', '1']],
  ['an id with U+0000', byName, [1, 'list', 'a', '1\0']],
  ['another version of the format', byName, [2, 'list', 'a', '1']],
  ['an object for an id', byName, [1, 'list', 'a', {}]],
])('a forged cursor with %s is refused', (_name, order, members) => {
  expect(() => decodeCursor('list', encode(JSON.stringify(members)), order)).toThrow(
    'cursor is not a cursor of this list',
  );
});

test('a list is the same whatever the page and the order of its parameters', () => {
  const key = listKey('/v1/accounts', { name: 'Acme', stale: true });
  expect(listKey('/v1/accounts', { stale: true, name: 'Acme', limit: 7, cursor: 'x' })).toBe(key);
  expect(listKey('/v1/accounts', { name: 'Acme', stale: true, codeState: undefined })).toBe(key);
  expect(listKey('/v1/accounts', { name: 'Acme', stale: false })).not.toBe(key);
  expect(listKey('/v1/events', { name: 'Acme', stale: true })).not.toBe(key);
});

function encode(text: string): string {
  return Buffer.from(text).toString('base64url');
}
