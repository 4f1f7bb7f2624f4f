import { createHash } from 'node:crypto';
import { isCompound, partName } from '../org/compound-fields.ts';
import type { FieldDefinition } from '../org/model.ts';
import { avroTypeOf, CHANGE_EVENT_HEADER, docOf } from './avro-types.ts';

/** The Avro schema of the change events of these fields, as the JSON that `GetSchema` returns. */
export function changeEventSchema(fields: readonly FieldDefinition[]): EventSchema {
  const layout = eventLayout(fields);
  const defined = new Set<string>();
  const body = layout.map((entry) => {
    const { field } = entry;
    const type = typeOf(entry, defined);
    const id = field.fieldId === null ? '' : `:${field.fieldId}`;
    return {
      name: field.name,
      type: ['null', ...type],
      doc: (isPersonName(entry) ? 'Data:Switchable_PersonName' : docOf(field)) + id,
      default: null,
    };
  });
  return { ...changeEventSchemaOf('Account', body), layout };
}

/** The schema of the change events of any object, from its fields in Avro. */
export function changeEventSchemaOf(object: string, fields: readonly object[]): Omit<EventSchema, 'layout'> {
  const header = { name: 'ChangeEventHeader', type: CHANGE_EVENT_HEADER, doc: 'Data:ComplexValueType' };
  const json = JSON.stringify({
    type: 'record',
    name: `${object}ChangeEvent`,
    namespace: 'com.sforce.eventbus',
    fields: [header, ...fields],
  });
  return { id: fingerprint(json), json };
}

/** A schema id is a fingerprint of the content: 22 characters of base64url. */
export function fingerprint(json: string): string {
  return createHash('md5').update(json).digest('base64url');
}

/** The top-level fields of the event after the header: field 0 of this list has position 1 in bitmaps. */
function eventLayout(fields: readonly FieldDefinition[]): EventField[] {
  return fields
    .filter((field) => field.inChangeEvents && field.compoundFieldName === null)
    .map((field, index) => ({
      field,
      position: index + 1,
      parts: fields
        .filter((part) => part.compoundFieldName === field.name)
        .map((part) => ({ field: part, name: partName(field, part) })),
    }));
}

/** The types of a value other than null. A record is defined once and then referenced by name. */
function typeOf({ field, parts }: EventField, defined: Set<string>): AvroType[] {
  const plain = avroTypeOf(field.type);
  if (isCompound(field)) {
    if (defined.has(plain)) return [plain];
    defined.add(plain);
    return [recordOf(plain, parts)];
  }
  return parts.length === 0 ? [plain] : [plain, recordOf('Switchable_PersonName', parts)];
}

function recordOf(name: string, parts: readonly EventPart[]): AvroType {
  const fields = parts.map((part) => ({
    name: part.name,
    type: ['null', avroTypeOf(part.field.type)],
    default: null,
  }));
  return { type: 'record', name, fields };
}

function isPersonName({ field, parts }: EventField): boolean {
  return parts.length > 0 && !isCompound(field);
}

export type EventSchema = {
  /** 22 characters. */
  readonly id: string;
  readonly json: string;
  readonly layout: readonly EventField[];
};

export type EventField = {
  readonly field: FieldDefinition;
  /** In the writer schema; the header has 0. */
  readonly position: number;
  /** Empty unless this is a compound field. */
  readonly parts: readonly EventPart[];
};

export type EventPart = { readonly field: FieldDefinition; readonly name: string };

type AvroType =
  | string
  | {
      readonly type: 'record';
      readonly name: string;
      readonly fields: readonly { readonly name: string; readonly type: readonly AvroType[] }[];
    };
