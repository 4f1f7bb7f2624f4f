import { expandBitmaps } from './bitmap.ts';
import { type ChangeEvent, type ChangeEventHeader, changeTypes, type Scalar } from './change-event.ts';
import { decodeText } from './decode-text.ts';
import { epochToIso } from './field-value.ts';
import type { SchemaField, WriterSchema } from './writer-schema.ts';

/**
 * Decodes the payload of a change event with the schema that it was written with.
 * What a null means is decided by the header: in an UPDATE only the named fields changed, whatever else is filled
 * (an enriched channel fills unchanged fields too).
 *
 * @throws an Error that says what does not fit; the bytes are untouched and can be decoded again
 */
export function decodeChangeEvent(payload: Buffer, schema: WriterSchema): ChangeEvent {
  const record = asRecord(schema.decode(payload), 'the event');
  const header = readHeader(asRecord(record['ChangeEventHeader'], 'ChangeEventHeader'), schema.entityFields);
  const values = readValues(record, header, schema.entityFields);
  if (![...values.values()].some(hasReplacement)) return { header, values };
  // Either the record has this character, or bytes that are no UTF-8 were read as it.
  const bytes = schema.decodeBytes(payload);
  if (bytes === undefined) return { header, values };
  return { header, values: readValues(asRecord(bytes, 'the event'), header, schema.entityFields) };
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
    // The guide says that nulled fields are among the changed ones; the union costs nothing.
    changedFields: [...new Set([...bitmaps('changedFields'), ...nulledFields])],
    nulledFields,
    diffFields: bitmaps('diffFields'),
  };
}

function readValues(
  record: AvroRecord,
  header: ChangeEventHeader,
  fields: readonly SchemaField[],
): Map<string, Scalar> {
  const values = new Map<string, Scalar>();
  const { changeType, changedFields, diffFields } = header;
  if (changeType === 'CREATE' || changeType === 'UNDELETE' || changeType === 'SNAPSHOT') {
    for (const field of fields.slice(1)) setField(values, field, record[field.name]);
  } else if (changeType === 'UPDATE') {
    const byName = new Map(fields.map((field) => [field.name, field]));
    for (const path of changedFields) {
      if (diffFields.includes(path)) continue;
      const [name = '', part] = path.split('.');
      const field = byName.get(name);
      if (field === undefined) continue;
      if (part === undefined) setField(values, field, record[name]);
      else setPart(values, field, part, record[name]);
    }
  }
  return values;
}

/** Sets a plain field, or every part of a compound one: a null compound is one whose parts are all empty. */
function setField(values: Map<string, Scalar>, field: SchemaField, value: unknown): void {
  const isRecord = typeof value === 'object' && value !== null && !(value instanceof Uint8Array);
  // A person's name is a record where a company's is a text; the form that is not used is empty.
  if (!isRecord) values.set(field.name, scalar(value, field));
  for (const part of field.parts) {
    values.set(`${field.name}.${part}`, isRecord ? scalar(asRecord(value, field.name)[part], field) : null);
  }
}

function setPart(values: Map<string, Scalar>, field: SchemaField, part: string, value: unknown): void {
  const parts = value === null || value === undefined ? {} : asRecord(value, field.name);
  values.set(`${field.name}.${part}`, scalar(parts[part], field));
}

function scalar(value: unknown, { name, kind }: SchemaField): Scalar {
  if (value === null || value === undefined) return null;
  if (value instanceof Uint8Array) return decodeText(value);
  if (typeof value === 'bigint') return kind === 'plain' ? exactNumber(value) : epochToIso(value, kind);
  // JSON has neither NaN nor infinity: kept as text, or they would silently become empty.
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  throw new Error(`${name} has a value of an unexpected type`);
}

// JSON has no 64-bit integers: what a double can't hold is kept as text.
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

// Versions are made of these; a negative one could not be told from one that is cut in two.
function count(value: unknown, what: string): bigint {
  if (typeof value !== 'bigint' && !Number.isSafeInteger(value)) throw new Error(`${what} is not a number`);
  const number = BigInt(value as bigint | number);
  if (number < 0n) throw new Error(`${what} is negative`);
  return number;
}

type AvroRecord = Readonly<Record<string, unknown>>;
