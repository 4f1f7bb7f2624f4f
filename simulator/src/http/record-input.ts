import { isCompound } from '../org/compound-fields.ts';
import type { FieldDefinition, FieldValue, RecordValues } from '../org/model.ts';
import { saveErrors } from '../org/save-errors.ts';
import { ApiError, rowError } from './api-error.ts';
import type { FieldIndex } from './field-index.ts';

/**
 * Parses the JSON of a record. Unknown fields are kept, so that the org refuses them.
 * Throws JSON_PARSER_ERROR for a value that does not match the type of its field.
 */
export const readRecord = (json: unknown, index: FieldIndex): RecordInput => {
  if (!isObject(json)) throw new ApiError(400, 'JSON_PARSER_ERROR', 'a record must be a JSON object');
  const values: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === 'attributes') continue;
    const field = index.find(name);
    values[field?.name ?? name] = field ? readValue(field, value) : null;
  }
  const { attributes } = json;
  const type = isObject(attributes) && typeof attributes['type'] === 'string' ? attributes['type'] : null;
  return { type, values };
};

export const isObject = (json: unknown): json is Readonly<Record<string, unknown>> =>
  typeof json === 'object' && json !== null && !Array.isArray(json);

const readValue = (field: FieldDefinition, json: unknown): FieldValue => {
  if (isCompound(field)) throw rowError([saveErrors.notWritable([field.name])]);
  if (json === null || json === '') return null;
  switch (field.type) {
    case 'boolean':
      if (typeof json === 'boolean') return json;
      if (json === 'true' || json === 'false') return json === 'true';
      throw unreadable(field, json);
    case 'int':
    case 'double':
    case 'currency':
    case 'percent':
      return readNumber(field, json);
    case 'date':
    case 'datetime':
      return readTime(field, json);
    case 'time':
      return readTimeOfDay(field, json);
    default:
      if (typeof json === 'object') throw unreadable(field, json);
      return String(json);
  }
};

const readNumber = (field: FieldDefinition, json: unknown): number => {
  const value = typeof json === 'string' && json.trim() !== '' ? Number(json) : json;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw unreadable(field, json);
  if (field.type === 'int' && !Number.isInteger(value)) throw unreadable(field, json);
  return value;
};

/** `2026-11-23` or `2026-11-23T08:00:00.000+0000`, with any offset, as epoch milliseconds; a date drops its time. */
const readTime = (field: FieldDefinition, json: unknown): number => {
  const match = typeof json === 'string' && timePattern.exec(json);
  if (!match) throw unreadable(field, json);
  const [, day = '', time = 'T00:00:00', offset = 'Z'] = match;
  const midnight = new Date(`${day}T00:00:00Z`);
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) {
    throw unreadable(field, json);
  }
  if (field.type === 'date') return midnight.getTime();
  const value = Date.parse(`${day}${time}${offset.replace(/^([+-]\d{2})(\d{2})$/, '$1:$2')}`);
  if (Number.isNaN(value)) throw unreadable(field, json);
  return value;
};

/** `08:30:00.000Z` as milliseconds since midnight. */
const readTimeOfDay = (field: FieldDefinition, json: unknown): number => {
  const value =
    typeof json === 'string' && /^\d{2}:\d{2}/.test(json) ? Date.parse(`1970-01-01T${json}`) : NaN;
  if (Number.isNaN(value)) throw unreadable(field, json);
  return value;
};

const timePattern = /^(\d{4}-\d{2}-\d{2})(T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?$/;

const unreadable = (field: FieldDefinition, json: unknown): ApiError => {
  const shown = typeof json === 'object' ? JSON.stringify(json) : String(json);
  const kind = Array.isArray(json) ? 'START_ARRAY' : tokenNames.get(typeof json);
  const message = `Cannot deserialize instance of ${field.type} from ${kind} value ${shown} or request may be missing a required field: ${field.name}`;
  return new ApiError(400, 'JSON_PARSER_ERROR', message);
};

const tokenNames = new Map([
  ['string', 'VALUE_STRING'],
  ['number', 'VALUE_NUMBER'],
  ['boolean', 'VALUE_BOOLEAN'],
  ['object', 'START_OBJECT'],
]);

export type RecordInput = {
  /** `attributes.type`, which collections require. */
  readonly type: string | null;
  readonly values: RecordValues;
};
