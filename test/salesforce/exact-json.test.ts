import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, type Json, JsonError, parseExactJson } from '../../src/salesforce/exact-json.ts';

const refusal = (text: string): JsonError => {
  try {
    parseExactJson(text);
  } catch (error) {
    if (error instanceof JsonError) return error;
    throw error;
  }
  throw new Error(`${text} was taken`);
};

/** As JSON.parse would have it. */
const plain = (value: Json): unknown => {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]));
  return Array.isArray(value) ? value.map(plain) : value;
};

const rounded = (value: unknown): unknown => {
  const asText = JSON.stringify(value, (_name, part) => (typeof part === 'bigint' ? Number(part) : part));
  return JSON.parse(asText);
};

describe('exact JSON', () => {
  it('valid JSON is parsed as JSON.parse does and written so that it parses to the same', () => {
    const safe = fc
      .jsonValue({ maxDepth: 5 })
      .filter((value) => !/__proto__|constructor|prototype/.test(JSON.stringify(value)));
    fc.assert(
      fc.property(safe, fc.constantFrom(undefined, 1, '\t'), (value, space) => {
        const text = JSON.stringify(value, null, space);
        expect(rounded(plain(parseExactJson(text)))).toEqual(JSON.parse(text));
        expect(JSON.parse(canonicalJson(parseExactJson(text)))).toEqual(JSON.parse(text));
      }),
    );
  });

  it('invalid JSON is refused if JSON.parse refuses it', () => {
    const broken = fc
      .tuple(fc.json({ maxDepth: 2 }), fc.nat(), fc.string({ maxLength: 2 }))
      .map(
        ([text, at, noise]) =>
          text.slice(0, at % (text.length + 1)) + noise + text.slice(at % (text.length + 1)),
      );
    fc.assert(
      fc.property(broken, (text) => {
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (!valid) expect(() => parseExactJson(text)).toThrow(JsonError);
      }),
    );
  });

  it('whole numbers keep all digits', () => {
    const text = '{"commitNumber":1790000000123456789,"small":12,"half":1.5,"minus":-9223372036854775808}';
    const value = parseExactJson(text);
    expect(plain(value)).toEqual({
      commitNumber: 1_790_000_000_123_456_789n,
      small: 12,
      half: 1.5,
      minus: -9_223_372_036_854_775_808n,
    });
    expect(canonicalJson(value)).toBe(
      '{"commitNumber":1790000000123456789,"half":1.5,"minus":-9223372036854775808,"small":12}',
    );
  });

  it.each([
    ['{"a": 1,\n  "b": tru}', 'a value is expected', 2, 8],
    ['{"a": 1', '"," or "}" is expected', 1, 8],
    ['[1, 2', '"," or "]" is expected', 1, 6],
    ['', 'it ends too early', 1, 1],
    ['{"a": "x\ny"}', 'a text has a control character', 1, 9],
    ['{"a": "\\x"}', 'an escape in a text is not valid', 1, 7],
    ['{} x', 'there is more text after the end', 1, 4],
    ['{"a": 1, "a": 2}', 'a name occurs twice in one object', 1, 10],
    ['{"a": {"__proto__": {"admin": true}}}', 'the name "__proto__" is not allowed', 1, 8],
    ['{"\\u005f_proto__": 1}', 'the name "__proto__" is not allowed', 1, 2],
    ['{"constructor": {"prototype": {}}}', 'the name "constructor" is not allowed', 1, 2],
    ['1e999', 'a number is too large', 1, 1],
    ['1'.repeat(500), 'a number has too many digits', 1, 1],
    ['01', 'there is more text after the end', 1, 2],
  ])('the error for %j says what is wrong and where', (text, reason, line, column) => {
    expect(refusal(text)).toMatchObject({
      message: `${reason} at line ${line}, column ${column}`,
      line,
      column,
    });
  });

  it('nesting is limited far below the size of the stack', () => {
    expect(() => parseExactJson(`${'['.repeat(32)}${']'.repeat(32)}`)).not.toThrow();
    expect(refusal('['.repeat(1_000_000)).message).toBe(
      'it is nested more than 32 levels deep at line 1, column 34',
    );
    expect(refusal('{"a":'.repeat(100_000)).message).toContain('nested more than 32 levels');
  });

  it('a document with more objects or values than events need is refused early', () => {
    expect(() => parseExactJson(`[${'[{}],'.repeat(100_000)}0]`)).toThrow(
      'more than 20000 objects and lists',
    );
    expect(() => parseExactJson(`[${'1,'.repeat(600_000)}0]`)).toThrow('more than 500000 values');
  });
});
