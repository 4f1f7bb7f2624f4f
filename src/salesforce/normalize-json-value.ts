import { isJsonObject, type Json, type JsonObject } from './exact-json.ts';
import { JsonEventError } from './json-change-event.ts';
import type { ScalarType, SchemaField } from './writer-schema.ts';

// Salesforce's limits, in characters.
const maxTextLength = 131_072;
const maxNameLength = 255;

/**
 * Converts a value to the type of its field.
 * @param part of a compound field; undefined for the field as a whole
 * @param given the name used by the sender
 * @throws JsonEventError
 */
export function normalizeValue(
  value: Json,
  field: SchemaField,
  part: string | undefined,
  given: string,
): Json {
  const plain = untagged(value, field);
  if (part !== undefined) return scalar(plain, field, part, given);
  if (!isJsonObject(plain)) {
    const isAllowed = field.parts.length === 0 || plain === null || field.scalars?.has('') !== false;
    if (!isAllowed) throw new JsonEventError(given, `must be an object with ${field.parts.join(', ')}`);
    return scalar(plain, field, '', given);
  }
  if (plain.size === 1 && plain.has('diff') && field.parts.length === 0) return plain;
  if (field.parts.length === 0) throw new JsonEventError(given, 'must be a single value');
  return parts(plain, field, given);
}

function parts(value: JsonObject, field: SchemaField, given: string): JsonObject {
  const known = new Map(field.parts.map((part) => [part.toLowerCase(), part]));
  return new Map(
    [...value].map(([name, content]) => {
      const part = known.get(name.toLowerCase());
      const place = `${given}.${name.slice(0, 80)}`;
      if (part === undefined) throw new JsonEventError(place, `is no part of ${field.name}`);
      return [part, scalar(untagged(content, field), field, part, place)];
    }),
  );
}

const tags: ReadonlySet<string> = new Set(['string', 'int', 'long', 'float', 'double', 'boolean']);

/** Removes the union branch of Avro JSON: `{ "string": "Hot" }`, `{ "com.sforce.eventbus.Address": { … } }`. */
function untagged(value: Json, field: SchemaField): Json {
  if (!isJsonObject(value) || value.size !== 1) return value;
  const [[tag, inside] = ['', null]] = value;
  if (tags.has(tag) && !isJsonObject(inside)) return inside;
  const isRecord = isJsonObject(inside) && field.parts.length > 0 && !field.parts.includes(tag);
  return isRecord ? inside : value;
}

function scalar(value: Json, field: SchemaField, part: string, given: string): Json {
  if (value === null) return null;
  if (typeof value === 'object') throw new JsonEventError(given, 'must be a single value');
  if (field.kind !== 'plain') return moment(value, field.kind, given);
  const maxLength = field.name === 'Name' || field.name === 'AccountNumber' ? maxNameLength : maxTextLength;
  if (typeof value === 'string' && value.length > maxLength)
    throw new JsonEventError(given, `must not have more than ${maxLength} characters`);
  const type = field.scalars?.get(part);
  return type === undefined ? value : converted(value, type, given);
}

function converted(value: string | number | bigint | boolean, type: ScalarType, given: string): Json {
  if (type === 'text') {
    if (typeof value === 'string') return value;
    throw new JsonEventError(given, 'must be a text');
  }
  if (type === 'boolean') {
    const found = typeof value === 'boolean' ? value : booleans.get(String(value));
    if (found === undefined || typeof value === 'number')
      throw new JsonEventError(given, 'must be true or false');
    return found;
  }
  const isNumber = typeof value === 'number' || typeof value === 'bigint';
  const isDigits = typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(value);
  if (!isNumber && !isDigits) throw new JsonEventError(given, 'must be a number');
  const isLong = typeof value === 'string' && /^-?\d{16,}$/.test(value);
  const number = isLong ? BigInt(value) : typeof value === 'string' ? Number(value) : value;
  const isWhole = typeof number === 'bigint' || Number.isInteger(number);
  if (type === 'integer' && !(isWhole && number >= -(2 ** 31) && number < 2 ** 31))
    throw new JsonEventError(given, 'must be a whole number of 32 bits');
  return number;
}

const booleans: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

/** Milliseconds since 1970 (of a time: since midnight), or ISO 8601. */
function moment(value: string | number | bigint | boolean, kind: SchemaField['kind'], given: string): Json {
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) <= 8.64e15) return value;
  const form = forms[kind];
  if (typeof value === 'string' && form.test(value)) {
    const isValid = kind === 'time' || !Number.isNaN(Date.parse(value));
    if (isValid) return value;
  }
  throw new JsonEventError(given, `must be a ${kind === 'datetime' ? 'date and time' : kind} in ISO 8601`);
}

const forms = {
  plain: /$^/,
  date: /^\d{4}-\d\d-\d\d/,
  datetime: /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)$/,
  time: /^\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?$/,
} as const;
