import fc from 'fast-check';
import type { Described, DescribedSchema } from './conformity.ts';

/** Values of the API by the name of the field they were found under: ids that exist, names that are held. */
export type KnownValues = ReadonlyMap<string, readonly unknown[]>;

/** What fits a schema of the description. */
export function fitting(document: Described, schema: DescribedSchema): fc.Arbitrary<unknown> {
  const { $ref, anyOf, oneOf, type, enum: choices } = schema as SchemaWords;
  if ($ref !== undefined)
    return fitting(document, document.components.schemas[$ref.split('/').at(-1) ?? ''] ?? {});
  if ('const' in schema) return fc.constant(schema['const']);
  if (choices !== undefined) return fc.constantFrom(...choices);
  const variants = anyOf ?? oneOf;
  if (variants !== undefined) return fc.oneof(...variants.map((variant) => fitting(document, variant)));
  const types = type === undefined ? [] : [type].flat();
  if (types.length === 0) return fc.jsonValue();
  return fc.oneof(...types.map((name) => ofType(document, name, schema as SchemaWords)));
}

function ofType(document: Described, type: string, schema: SchemaWords): fc.Arbitrary<unknown> {
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1_000, max: schema.maximum ?? 1_000 });
    case 'number':
      return fc.double({ min: schema.minimum ?? -1_000, max: schema.maximum ?? 1_000, noNaN: true });
    case 'array': {
      const bounds = { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 4, 4) };
      return fc.array(fitting(document, schema.items ?? {}), bounds);
    }
    case 'object': {
      const members = Object.entries(schema.properties ?? {}).map(
        ([name, member]) => [name, fitting(document, member)] as const,
      );
      return fc.record(Object.fromEntries(members), { requiredKeys: [...(schema.required ?? [])] });
    }
    default:
      return text(schema);
  }
}

const texts = new Map<string, fc.Arbitrary<string>>();

/** Building an arbitrary of texts takes milliseconds, and the same few are in every operation. */
function text({ format, pattern, minLength, maxLength }: SchemaWords): fc.Arbitrary<string> {
  const key = JSON.stringify([format, pattern, minLength, maxLength]);
  const made = texts.get(key) ?? makeText({ format, pattern, minLength, maxLength });
  texts.set(key, made);
  return made;
}

function makeText({ format, pattern, minLength = 0, maxLength = 40 }: TextWords): fc.Arbitrary<string> {
  if (format === 'date-time') {
    return fc
      .date({ min: new Date('1990-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  if (format === 'uuid') return fc.uuid();
  if (format === 'uri') return fc.webUrl();
  const length = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, 60)) };
  const edge = fc.string({ minLength: maxLength, maxLength }).filter(() => maxLength <= 300);
  if (pattern === undefined)
    return fc.oneof(
      { weight: 9, arbitrary: fc.string({ ...length, unit: 'grapheme' }) },
      { weight: 1, arbitrary: maxLength <= 300 ? edge : fc.string(length) },
    );
  const { alike, fits } = patterns(pattern);
  return alike.filter((value) => fits.test(value) && value.length >= minLength && value.length <= maxLength);
}

/** Texts like a pattern; where it says more than can be made up, other texts that fit are looked for. */
function patterns(pattern: string): { alike: fc.Arbitrary<string>; fits: RegExp } {
  const fits = new RegExp(pattern, 'u');
  try {
    return { alike: fc.stringMatching(fits), fits };
  } catch {
    return { alike: fc.string({ unit: 'grapheme-ascii', minLength: 1 }), fits };
  }
}

/** Texts that have broken services. */
export const nasty: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\uffff',
    '\u202e\u0661\u0662',
    '😀',
    'é'.normalize('NFD'),
    "' or 1=1 --",
    '../../etc/passwd',
    '%00',
    '%',
    '+',
    '-1',
    '0',
    '1e9',
    '1.5',
    '0x10',
    'NaN',
    'null',
    'true',
    '[]',
    '{}',
    '__proto__',
    '9'.repeat(19),
    '9'.repeat(400),
    'x'.repeat(256),
    'x'.repeat(4_000),
    '9007199254740993',
    '9223372036854775807',
    '9223372036854775808',
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:60Z',
    '2026-02-30T00:00:00Z',
    '2026-11-23T10:00:00+14:00',
    '2026-11-23T10:00:00',
    '-271821-04-20T00:00:00Z',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

export const nastyJson: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, 2 ** 53, [], {}, [[]], { __proto__: null }, [null]),
  fc.jsonValue({ maxDepth: 4 }),
);

type TextWords = {
  readonly [Word in 'format' | 'pattern' | 'minLength' | 'maxLength']: SchemaWords[Word] | undefined;
};

type SchemaWords = {
  readonly $ref?: string;
  readonly anyOf?: readonly DescribedSchema[];
  readonly oneOf?: readonly DescribedSchema[];
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: DescribedSchema;
  readonly properties?: Readonly<Record<string, DescribedSchema>>;
  readonly required?: readonly string[];
};
