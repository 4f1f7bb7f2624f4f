import avro from 'avsc';
import type { BitmapField } from './bitmap.ts';

/** Meaning of a long, by the `doc` of the field. */
export type ValueKind = 'plain' | 'date' | 'datetime' | 'time';

/** Type of a value. A `long` can have the meaning of a time. */
export type ScalarType = 'text' | 'number' | 'integer' | 'long' | 'boolean';

export type SchemaField = BitmapField & {
  readonly kind: ValueKind;
  /** The role and type in `doc`: `Data:Currency`. */
  readonly eventType?: string;
  /** The id in `doc`, which custom fields have: `00N…`. */
  readonly fieldId?: string | null;
  /** By part name, empty for the field itself; unknown types are missing. */
  readonly scalars?: ReadonlyMap<string, ScalarType>;
};

/** A compiled writer schema. Its top-level fields are in order; the first is the header. */
export type WriterSchema = {
  /** `AccountChangeEvent` */
  readonly name: string;
  readonly entityFields: readonly SchemaField[];
  /** Decodes a raw Avro payload, longs as bigint. @throws Error if the bytes do not match the schema */
  decode(payload: Buffer): unknown;
  /** Decodes the first field, the header, of a payload whose other fields may be damaged. @throws Error if it is damaged */
  decodeHeader(payload: Buffer): unknown;
  /** The same as `decode` with every text as bytes; undefined if the schema does not allow that. */
  decodeBytes(payload: Buffer): unknown;
};

/** Compiles a schema of GetSchema. @throws Error if it is not an Avro record schema */
export function compileSchema(schemaJson: string): WriterSchema {
  const type = avro.Type.forSchema(JSON.parse(schemaJson), {
    registry: { long: bigLong() },
    wrapUnions: false,
  });
  if (!(type instanceof avro.types.RecordType)) throw new Error('the schema is not a record');
  const docs = fieldDocs(schemaJson);
  const entityFields = type.fields.map((field) => ({
    name: field.name,
    parts: partNames(field.type),
    scalars: scalarsOf(field.type),
    ...parseDoc(docs.get(field.name) ?? ''),
  }));
  // Compiled on demand: it is rarely needed.
  let ofBytes: avro.Type | undefined;
  const decodeBytes = (payload: Buffer): unknown => {
    ofBytes ??= typeOfBytes(schemaJson);
    return ofBytes?.fromBuffer(payload);
  };
  const decodeHeader = (payload: Buffer): unknown => {
    const { value, offset } = type.fields[0]?.type.decode(payload) ?? { value: undefined, offset: -1 };
    if (offset < 0) throw new Error('the header is truncated');
    return value;
  };
  const { name } = JSON.parse(schemaJson) as { name: string };
  return { name, entityFields, decode: (payload) => type.fromBuffer(payload), decodeHeader, decodeBytes };
}

/** The schema with bytes for texts, which Avro encodes alike; undefined if a union has both. */
function typeOfBytes(schemaJson: string): avro.Type | undefined {
  const bytes = avro.Type.forSchema('bytes');
  try {
    return avro.Type.forSchema(JSON.parse(schemaJson), {
      registry: { long: bigLong() },
      typeHook: (schema) => (isText(schema) ? bytes : undefined),
      wrapUnions: false,
    });
  } catch {
    return undefined;
  }
}

/** `"string"` or `{ "type": "string", … }` */
function isText(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return schema === 'string';
  return 'type' in schema && schema.type === 'string';
}

/** Avro's 64-bit integer as bigint: commit numbers and some ids lie beyond 2^53. */
function bigLong(): avro.types.LongType {
  return avro.types.LongType.__with({
    fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
    toBuffer: (value: bigint) => {
      const buffer = Buffer.alloc(8);
      buffer.writeBigInt64LE(value);
      return buffer;
    },
    fromJSON: (value: number | string) => BigInt(value),
    toJSON: (value: bigint) => value.toString(),
    isValid: (value: unknown) => typeof value === 'bigint',
    compare: (a: bigint, b: bigint) => (a === b ? 0 : a < b ? -1 : 1),
  });
}

function partNames(type: avro.Type): string[] {
  const record = branchesOf(type).find((branch) => branch instanceof avro.types.RecordType);
  return record === undefined ? [] : record.fields.map((part) => part.name);
}

function scalarsOf(type: avro.Type): Map<string, ScalarType> {
  const own = scalarType(type);
  const scalars = new Map<string, ScalarType>(own === undefined ? [] : [['', own]]);
  for (const branch of branchesOf(type)) {
    if (!(branch instanceof avro.types.RecordType)) continue;
    for (const part of branch.fields) {
      const ofPart = scalarType(part.type);
      if (ofPart !== undefined) scalars.set(part.name, ofPart);
    }
  }
  return scalars;
}

function branchesOf(type: avro.Type): readonly avro.Type[] {
  return type instanceof avro.types.UnwrappedUnionType ? type.types : [type];
}

/** Undefined if the type is ambiguous or unknown. */
function scalarType(type: avro.Type): ScalarType | undefined {
  const found = new Set(
    branchesOf(type).flatMap((branch) => scalarTypes.get(branch.typeName.replace(/^logical:.*/, '')) ?? []),
  );
  return found.size === 1 ? [...found][0] : undefined;
}

const scalarTypes: ReadonlyMap<string, ScalarType> = new Map([
  ['string', 'text'],
  ['int', 'integer'],
  ['long', 'long'],
  ['float', 'number'],
  ['double', 'number'],
  ['boolean', 'boolean'],
]);

function fieldDocs(schemaJson: string): Map<string, string> {
  const { fields } = JSON.parse(schemaJson) as { fields: { name: string; doc?: string }[] };
  return new Map(fields.map(({ name, doc }) => [name, doc ?? '']));
}

// `Role:Type[:id]`, for example `Data:DateOnly:00N…` or `CreatedDate:DateTime`.
function parseDoc(doc: string): Required<Pick<SchemaField, 'kind' | 'eventType' | 'fieldId'>> {
  const [role = '', type = '', fieldId = null] = doc.split(':');
  return { kind: valueKinds.get(type) ?? 'plain', eventType: `${role}:${type}`, fieldId };
}

const valueKinds: ReadonlyMap<string, ValueKind> = new Map([
  ['DateTime', 'datetime'],
  ['DateOnly', 'date'],
  ['TimeOnly', 'time'],
]);
