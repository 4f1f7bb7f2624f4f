import { expandBitmaps } from './bitmap.ts';
import { type ChangeEvent, type ChangeEventHeader, changeTypes, type Scalar } from './change-event.ts';
import { decodeText } from './decode-text.ts';
import { epochToIso } from './field-value.ts';
import { impliedPaths, nameField } from './person-accounts.ts';
import type { SchemaField, WriterSchema } from './writer-schema.ts';

/**
 * Decodes the payload of a change event with its writer schema. In an UPDATE only the fields named by the header changed:
 * an enriched channel fills unchanged fields too.
 *
 * @throws Error if the payload does not match the schema
 */
export function decodeChangeEvent(payload: Buffer, schema: WriterSchema): ChangeEvent {
  const record = asRecord(schema.decode(payload), 'the event');
  const header = readHeader(asRecord(record['ChangeEventHeader'], 'ChangeEventHeader'), schema.entityFields);
  const missing = missingPaths(record, header, schema.entityFields);
  const values = readValues(record, header, schema.entityFields, missing);
  if (![...values.values()].some(hasReplacement)) return { header, values, missing };
  // U+FFFD is either in the record or stands for bytes that are not UTF-8.
  const bytes = schema.decodeBytes(payload);
  if (bytes === undefined) return { header, values, missing };
  const exact = readValues(asRecord(bytes, 'the event'), header, schema.entityFields, missing);
  return { header, values: exact, missing };
}

/**
 * Decodes the header of a payload whose fields cannot be decoded, such as a truncated one.
 * @returns null if the header cannot be decoded either
 */
export function decodeHeader(payload: Buffer, schema: WriterSchema): ChangeEventHeader | null {
  try {
    return readHeader(asRecord(schema.decodeHeader(payload), 'ChangeEventHeader'), schema.entityFields);
  } catch {
    return null;
  }
}

function hasReplacement(value: Scalar): boolean {
  return typeof value === 'string' && value.includes('\ufffd');
}

function readHeader(raw: AvroRecord, fields: readonly SchemaField[]): ChangeEventHeader {
  const changeType = changeTypes.find((known) => known === raw['changeType']);
  if (changeType === undefined) throw new Error(`unknown change type "${String(raw['changeType'])}"`);
  const bitmaps = (name: string): string[] => expandBitmaps(texts(raw[name] ?? [], name), fields);
  const nulledFields = bitmaps('nulledFields');
  return {
    entityName: text(raw['entityName'], 'entityName'),
    recordIds: texts(raw['recordIds'], 'recordIds'),
    changeType,
    changeOrigin: text(raw['changeOrigin'], 'changeOrigin'),
    transactionKey: text(raw['transactionKey'], 'transactionKey'),
    sequenceNumber: Number(count(raw['sequenceNumber'], 'sequenceNumber')),
    commitTimestamp: Number(count(raw['commitTimestamp'], 'commitTimestamp')),
    commitNumber: count(raw['commitNumber'], 'commitNumber'),
    commitUser: text(raw['commitUser'], 'commitUser'),
    changedFields: [...new Set([...bitmaps('changedFields'), ...nulledFields])],
    nulledFields,
    diffFields: bitmaps('diffFields'),
  };
}

/**
 * A changed field without a value was cleared only if `nulledFields` names it: otherwise its value may have been withheld
 * from the integration user.
 */
function missingPaths(
  record: AvroRecord,
  header: ChangeEventHeader,
  fields: readonly SchemaField[],
): string[] {
  const { changeType, changedFields, nulledFields, diffFields } = header;
  if (changeType !== 'UPDATE') return [];
  const isWithheld = (path: string): boolean => {
    const [name = '', part] = path.split('.');
    if (nulledFields.includes(path) || nulledFields.includes(name)) return false;
    const value = record[name] ?? null;
    return value === null || (part !== undefined && (asRecord(value, name)[part] ?? null) === null);
  };
  const withheld = changedFields.filter(isWithheld);
  return [...new Set([...diffFields, ...withheld, ...impliedPaths(header, fields)])];
}

function readValues(
  record: AvroRecord,
  header: ChangeEventHeader,
  fields: readonly SchemaField[],
  missing: readonly string[],
): Map<string, Scalar> {
  const values = new Map<string, Scalar>();
  const { changeType, changedFields } = header;
  if (changeType === 'CREATE' || changeType === 'UNDELETE' || changeType === 'SNAPSHOT') {
    for (const field of fields.slice(1)) setField(values, field, record[field.name]);
  } else if (changeType === 'UPDATE') {
    const byName = new Map(fields.map((field) => [field.name, field]));
    for (const path of changedFields) {
      if (missing.includes(path)) continue;
      const [name = '', part] = path.split('.');
      const field = byName.get(name);
      if (field === undefined) continue;
      if (part === undefined) setField(values, field, record[name]);
      else setPart(values, field, part, record[name]);
    }
  }
  return values;
}

/** Sets a plain field, or every part of a compound one; a null compound has only null parts. */
function setField(values: Map<string, Scalar>, field: SchemaField, value: unknown): void {
  const isRecord = typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
  // The name of a person is a record, that of a company a text; the other form is null.
  if (!isRecord) values.set(field.name, scalar(value, field));
  else if (field.name === nameField) values.set(nameField, null);
  for (const part of field.parts) {
    values.set(`${field.name}.${part}`, isRecord ? scalar(asRecord(value, field.name)[part], field) : null);
  }
}

function setPart(values: Map<string, Scalar>, field: SchemaField, part: string, value: unknown): void {
  const parts = value === null || value === undefined ? {} : asRecord(value, field.name);
  // An account has one form of the name: one with parts is a person.
  if (field.name === nameField) values.set(nameField, null);
  values.set(`${field.name}.${part}`, scalar(parts[part], field));
}

function scalar(value: unknown, { name, kind }: SchemaField): Scalar {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return decodeText(value);
  if (typeof value === 'bigint') return kind === 'plain' ? exactNumber(value) : epochToIso(value, kind);
  // NaN and infinity stay text: JSON would turn them into null.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  throw new Error(`${name} has a value of an unexpected type`);
}

// Text if a double cannot hold the number.
function exactNumber(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

function asRecord(value: unknown, what: string): AvroRecord {
  if (typeof value !== 'object' || value === null) throw new Error(`${what} is missing`);
  return value as AvroRecord;
}

function text(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} is not a text`);
  return value;
}

function texts(value: unknown, what: string): string[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value.map((item) => text(item, what));
}

// Part of versions, whose text form has no sign.
function count(value: unknown, what: string): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) throw new Error(`${what} is not a number`);
  const number = BigInt(value as bigint | number);
  if (number < 0n) throw new Error(`${what} is negative`);
  return number;
}

type AvroRecord = Readonly<Record<string, unknown>>;
