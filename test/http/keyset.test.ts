import { expect, test } from 'vitest';
import { type KeysetOrder, ranges } from '../../src/http/search/keyset.ts';

const position = { by: '2026-11-23T10:00:00.000Z', id: '1' };

test.each([
  ['from its start', null, 'true'],
  ['after a row', position, '(changed_at, id) > (?::timestamptz, ?::text)'],
])('an order by a column with a value in every row is read %s in one range', (_name, after, sql) => {
  expect(ranges(order({ isNullable: false }), after).map((range) => range.sql)).toEqual([sql]);
});

test.each([
  ['ascending', false, ['changed_at IS NOT NULL', 'changed_at IS NULL']],
  ['descending', true, ['changed_at IS NULL', 'changed_at IS NOT NULL']],
])('an order by a nullable column is read %s in two ranges', (_name, descending, sql) => {
  expect(ranges({ ...order({ isNullable: true }), descending }, null).map((range) => range.sql)).toEqual(sql);
});

function order({ isNullable }: { isNullable: boolean }): KeysetOrder {
  const by = { sql: 'changed_at', type: 'timestamptz', isNullable } as const;
  return { by, id: { sql: 'id', type: 'text' }, descending: false };
}
