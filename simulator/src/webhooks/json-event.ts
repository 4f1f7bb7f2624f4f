import avsc from 'avsc';
import { bigintLong } from '../pubsub/change-event-codec.ts';

declare global {
  interface JSON {
    /** A number of any precision. Missing in TypeScript's library. */
    rawJSON(digits: string): object;
  }
}

/** Converts Avro events of one schema to the JSON of CometD: names instead of bitmaps, ISO dates, no empty values. */
export function createJsonEvents(schemaJson: string): (payload: Uint8Array) => JsonPayload {
  const type = avsc.Type.forSchema(JSON.parse(schemaJson), {
    registry: { long: bigintLong() },
    wrapUnions: false,
  });
  if (!(type instanceof avsc.types.RecordType)) throw new TypeError('the schema is not a record');
  const { fields: described }: { fields: { name: string; doc?: string }[] } = JSON.parse(schemaJson);
  const fields = type.fields.map(
    ({ name, type: fieldType }, index): Field => ({
      name,
      parts: partsOf(fieldType),
      dateKind: described[index]?.doc?.split(':')[1] ?? '',
    }),
  );
  return (payload) => jsonOf(type.fromBuffer(Buffer.from(payload)), fields);
}

function jsonOf(record: Values, fields: readonly Field[]): JsonPayload {
  const { ChangeEventHeader: raw, ...values } = record;
  const { changedFields, nulledFields, diffFields, ...rest } = asValues(raw);
  const header = {
    ...rest,
    commitTimestamp: Number(rest['commitTimestamp']),
    commitNumber: JSON.rawJSON(String(rest['commitNumber'])),
    changedFields: namesOf(changedFields, fields),
    nulledFields: namesOf(nulledFields, fields),
    diffFields: namesOf(diffFields, fields),
  };
  const body =
    header.changedFields.length > 0 ? changedBody(values, header, fields) : wholeBody(values, fields);
  return { ChangeEventHeader: header, ...body };
}

/** Without empty values. */
function wholeBody(values: Values, fields: readonly Field[]): Values {
  const body: Record<string, unknown> = {};
  for (const field of fields.slice(1)) {
    const value = values[field.name];
    if (value === null || value === undefined) continue;
    if (typeof value !== 'object') body[field.name] = scalar(value, field);
    else body[field.name] = Object.fromEntries(Object.entries(value).filter(([, part]) => part !== null));
  }
  return body;
}

function changedBody(
  values: Values,
  { changedFields, diffFields }: { changedFields: readonly string[]; diffFields: readonly string[] },
  fields: readonly Field[],
): Values {
  const body: Record<string, unknown> = {};
  for (const path of changedFields) {
    const [name = '', part] = path.split('.');
    const field = fields.find((known) => known.name === name);
    const value = values[name] ?? null;
    if (field === undefined) continue;
    if (part !== undefined) body[name] = { ...asValues(body[name]), [part]: asValues(value)[part] ?? null };
    else if (diffFields.includes(path)) body[name] = { diff: value };
    else body[name] = typeof value === 'object' ? value : scalar(value, field);
  }
  return body;
}

function namesOf(bitmaps: unknown, fields: readonly Field[]): string[] {
  const list: readonly unknown[] = Array.isArray(bitmaps) ? bitmaps : [];
  return list.flatMap((element) => {
    const [, position, hex = '0'] = /^(?:(\d+)-)?0x([0-9A-F]+)$/i.exec(String(element)) ?? [];
    const parent = position === undefined ? undefined : fields[Number(position)];
    const names = parent === undefined ? fields.map(({ name }) => name) : parent.parts;
    const set = names.filter((_name, bit) => (BigInt(`0x${hex}`) >> BigInt(bit)) & 1n);
    return parent === undefined ? set : set.map((name) => `${parent.name}.${name}`);
  });
}

function scalar(value: unknown, { dateKind }: Field): unknown {
  if (typeof value !== 'bigint') return value;
  const iso = new Date(Number(value)).toISOString();
  if (dateKind === 'DateTime') return iso;
  if (dateKind === 'DateOnly') return iso.slice(0, 10);
  return dateKind === 'TimeOnly' ? iso.slice(11) : JSON.rawJSON(value.toString());
}

function partsOf(type: avsc.Type): string[] {
  const branches = type instanceof avsc.types.UnwrappedUnionType ? type.types : [type];
  const record = branches.find((branch) => branch instanceof avsc.types.RecordType);
  return record === undefined ? [] : record.fields.map(({ name }) => name);
}

function asValues(value: unknown): Values {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

type Field = { readonly name: string; readonly parts: readonly string[]; readonly dateKind: string };
type Values = Readonly<Record<string, unknown>>;

/** `JSON.stringify` keeps all digits of its numbers. */
export type JsonPayload = Values;
