import { expect, test } from 'vitest';
import { accountTag, matchesTag } from '../../src/http/plugins/etags.ts';

test('a tag changes with the row and with the fields it is shown with', () => {
  const tag = accountTag(7n, ['Industry']);
  expect(accountTag(7n, ['Industry'])).toBe(tag);
  expect(accountTag(8n, ['Industry'])).not.toBe(tag);
  expect(accountTag(7n, ['Industry', 'Phone'])).not.toBe(tag);
});

test.each([
  ['W/"7-a"', true],
  ['"7-a"', true],
  ['W/"1-a", W/"7-a"', true],
  ['*', true],
  ['W/"8-a"', false],
  ['7-a', false],
  ['', false],
  [undefined, false],
])('If-None-Match %s names W/"7-a": %s', (header, matches) => {
  expect(matchesTag(header, 'W/"7-a"')).toBe(matches);
});
