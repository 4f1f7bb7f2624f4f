import { createHash } from 'node:crypto';
import { AVRO_TYPES, DOC_BY_NAME, DOC_BY_TYPE } from './avro-field-types.ts';
import { CHANGE_EVENT_HEADER } from './change-event-header-schema.ts';
import type { FieldDefinition } from './model.ts';
import { mintId } from './record-id.ts';

/** The Avro schema of the change events of these fields, as the JSON text that `GetSchema` answers. */
export function changeEventSchema(fields: readonly FieldDefinition[]): EventSchema {
  const layout = eventLayout(fields);
  let customFields = 0;
  let addressIsDefined = false;
  const body = layout.map(({ field, parts }) => {
    let type: AvroType = AVRO_TYPES[field.type];
    if (field.type === 'address') {
      type = addressIsDefined ? 'Address' : addressRecord(parts);
      addressIsDefined = true;
    }
    if (field.custom) customFields += 1;
    const doc = field.custom ? `${docOf(field)}:${mintId('00N', customFields).slice(0, 15)}` : docOf(field);
    return { ...nullable(field.name, type), doc, default: null };
  });
  const json = JSON.stringify({
    type: 'record',
    name: 'AccountChangeEvent',
    namespace: 'com.sforce.eventbus',
    fields: [{ name: 'ChangeEventHeader', type: CHANGE_EVENT_HEADER, doc: 'Data:ComplexValueType' }, ...body],
  });
  return { id: fingerprint(json), json, layout };
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

/** `City` for `BillingCity` of `BillingAddress`. */
function partName(compound: FieldDefinition, part: FieldDefinition): string {
  return part.name.slice(compound.name.length - 'Address'.length);
}

function addressRecord(parts: readonly EventPart[]): AvroType {
  return {
    type: 'record',
    name: 'Address',
    fields: parts.map(({ field, name }) => ({ ...nullable(name, AVRO_TYPES[field.type]), default: null })),
  };
}

function nullable(name: string, type: AvroType) {
  return { name, type: ['null', type] };
}

function docOf(field: FieldDefinition): string {
  return DOC_BY_NAME[field.name] ?? DOC_BY_TYPE[field.type];
}

export type EventSchema = {
  /** 22 characters. */
  readonly id: string;
  readonly json: string;
  readonly layout: readonly EventField[];
};

export type EventField = {
  readonly field: FieldDefinition;
  /** In the writer schema, the header being 0. */
  readonly position: number;
  /** Empty unless the field is a compound. */
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
