import avro from 'avsc';
import type { BitmapField } from './bitmap.ts';

/** How a long is meant: only the `doc` of the field tells a date from a datetime. */
export type ValueKind = 'plain' | 'date' | 'datetime' | 'time';

/** What a value has to be. A long that means a time is `number`; its kind says more. */
export type ScalarType = 'text' | 'number' | 'integer' | 'boolean';

export type SchemaField = BitmapField & {
  readonly kind: ValueKind;
  /** By the name of the part, empty for the field itself; what is not there is not known. */
  readonly scalars?: ReadonlyMap<string, ScalarType>;
};

/** A writer schema ready for use: the decoder, and its top-level fields by position (0 is the header). */
export type WriterSchema = {
  readonly entityFields: readonly SchemaField[];
  /** Decodes one raw Avro payload; longs come as bigint. Throws where the bytes don't fit. */
  decode(payload: Buffer): unknown;
  /** The same with the bytes of every text in its place; undefined if the schema does not allow that. */
  decodeBytes(payload: Buffer): unknown;
};

/**
 * Compiles a schema as GetSchema answers it.
 * @throws where the text is no Avro record schema
 */
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
    kind: valueKind(docs.get(field.name) ?? ''),
    scalars: scalarsOf(field.type),
  }));
  // Rarely needed, and compiling it takes as long as the other.
  let ofBytes: avro.Type | undefined;
  const decodeBytes = (payload: Buffer): unknown => {
    ofBytes ??= typeOfBytes(schemaJson);
    return ofBytes?.fromBuffer(payload);
  };
  return { entityFields, decode: (payload) => type.fromBuffer(payload), decodeBytes };
}

/** Avro encodes texts and bytes in the same way. Undefined where a union has both. */
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

/** The parts of a compound field, wherever in a union the record stands. */
function partNames(type: avro.Type): string[] {
  const branches = type instanceof avro.types.UnwrappedUnionType ? type.types : [type];
  const record = branches.find((branch) => branch instanceof avro.types.RecordType);
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

/** Undefined where it may be several, or none. */
function scalarType(type: avro.Type): ScalarType | undefined {
  const found = new Set(
    branchesOf(type).flatMap((branch) => scalarTypes.get(branch.typeName.replace(/^logical:.*/, '')) ?? []),
  );
  return found.size === 1 ? [...found][0] : undefined;
}

const scalarTypes: ReadonlyMap<string, ScalarType> = new Map([
  ['string', 'text'],
  ['int', 'integer'],
  ['long', 'number'],
  ['float', 'number'],
  ['double', 'number'],
  ['boolean', 'boolean'],
]);

function fieldDocs(schemaJson: string): Map<string, string> {
  const { fields } = JSON.parse(schemaJson) as { fields: { name: string; doc?: string }[] };
  return new Map(fields.map(({ name, doc }) => [name, doc ?? '']));
}

// `Role:Type[:id]`, for example `Data:DateOnly:00N…` or `CreatedDate:DateTime`.
function valueKind(doc: string): ValueKind {
  const type = doc.split(':')[1];
  return type === 'DateTime'
    ? 'datetime'
    : type === 'DateOnly'
      ? 'date'
      : type === 'TimeOnly'
        ? 'time'
        : 'plain';
}
