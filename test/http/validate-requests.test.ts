import { Type } from 'typebox';
import { expect, test } from 'vitest';
import { compileValidator, toFieldErrors } from '../../src/http/plugins/validate-requests.ts';

const schema = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200 })),
    stale: Type.Optional(Type.Boolean()),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 5, pattern: '^[^\\u0000]*$' })),
    sort: Type.Optional(Type.Unsafe({ type: 'string', enum: ['id', '-id'] })),
    since: Type.Optional(Type.String({ format: 'date-time' })),
  },
  { additionalProperties: false },
);

test.each([
  [{ limit: '7' }, { limit: 7 }],
  [{ stale: 'true' }, { stale: true }],
  [{ stale: 'false' }, { stale: false }],
  [{ name: '7' }, { name: '7' }],
  [{ name: 'true' }, { name: 'true' }],
  [{ sort: '-id' }, { sort: '-id' }],
  [{ since: '2026-11-23T10:00:00+01:00' }, { since: '2026-11-23T10:00:00+01:00' }],
  [{}, {}],
])('the parameters %j are read as %j', (query, read) => {
  expect(validate('querystring', query)).toEqual({ value: read });
});

test.each([
  [{ limit: 'many' }, 'limit', 'must be an integer, given only once'],
  [{ limit: '1.5' }, 'limit', 'must be an integer, given only once'],
  [{ limit: '0x10' }, 'limit', 'must be an integer, given only once'],
  [{ limit: '1e2' }, 'limit', 'must be an integer, given only once'],
  [{ limit: ' 5' }, 'limit', 'must be an integer, given only once'],
  [{ limit: '' }, 'limit', 'must be an integer, given only once'],
  [{ limit: '9'.repeat(30) }, 'limit', 'must be an integer, given only once'],
  [{ limit: ['1', '2'] }, 'limit', 'must be an integer, given only once'],
  [{ limit: '0' }, 'limit', 'must be at least 1'],
  [{ limit: '-1' }, 'limit', 'must be at least 1'],
  [{ limit: '201' }, 'limit', 'must be at most 200'],
  [{ stale: '1' }, 'stale', 'must be a boolean, given only once'],
  [{ stale: 'TRUE' }, 'stale', 'must be a boolean, given only once'],
  [{ name: '' }, 'name', 'must not be empty'],
  [{ name: 'abcdef' }, 'name', 'must not be longer than 5 characters'],
  [{ name: 'a\0' }, 'name', 'does not match the documented format'],
  [{ name: ['a', 'b'] }, 'name', 'must be a string, given only once'],
  [{ sort: 'name' }, 'sort', 'must be one of id, -id'],
  [{ since: 'yesterday' }, 'since', 'must be a date and time with an offset, such as 2026-11-23T10:00:00Z'],
  [{ since: '2026-11-23' }, 'since', 'must be a date and time with an offset, such as 2026-11-23T10:00:00Z'],
  [
    { since: '2026-02-30T10:00:00Z' },
    'since',
    'must be a date and time with an offset, such as 2026-11-23T10:00:00Z',
  ],
  [{ page: '2' }, 'page', 'is not a known parameter'],
  [JSON.parse('{"__proto__":"x"}'), '__proto__', 'is not a known parameter'],
])('the parameters %j are refused for %s', (query, field, message) => {
  expect(errorsOf('querystring', query)).toEqual([{ field, message }]);
});

test('several validation errors are reported together and each once', () => {
  expect(
    errorsOf('querystring', { limit: 'x', page: '1', offset: '2' })
      .map(({ field }) => field)
      .sort(),
  ).toEqual(['limit', 'offset', 'page']);
});

test('a body is read without conversion: no text becomes a number', () => {
  expect(validate('body', { limit: 7 })).toEqual({ value: { limit: 7 } });
  expect(errorsOf('body', { limit: '7' })).toEqual([
    { field: 'limit', message: 'must be an integer, given only once' },
  ]);
});

function validate(httpPart: string, value: unknown) {
  return compileValidator({ schema, httpPart, method: 'GET', url: '/' })(value);
}

function errorsOf(httpPart: string, value: unknown) {
  const result: unknown = validate(httpPart, value);
  if (typeof result !== 'object' || result === null || !('error' in result)) throw new Error('was accepted');
  if (!Array.isArray(result.error)) throw new Error('answered no list');
  return toFieldErrors(result.error, httpPart);
}
