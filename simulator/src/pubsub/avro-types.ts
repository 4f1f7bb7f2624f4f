import type { FieldDefinition, FieldType } from '../org/model.ts';

/** The Avro type of a field's values; a compound one is a record of this name. */
export function avroTypeOf(type: FieldType): string {
  return TYPES[type][0];
}

/** The `doc` of a field in the schema. It distinguishes a date from a datetime, which have one Avro type. */
export function docOf({ name, type }: FieldDefinition): string {
  return DOC_BY_NAME[name] ?? TYPES[type][1];
}

const TYPES: Readonly<Record<FieldType, readonly [avroType: string, doc: string]>> = {
  id: ['string', 'ForeignKey:EntityId'],
  string: ['string', 'Data:Text'],
  textarea: ['string', 'Data:StringPlusClob'],
  phone: ['string', 'Data:Phone'],
  url: ['string', 'Data:Url'],
  email: ['string', 'Data:Email'],
  picklist: ['string', 'Data:DynamicEnum'],
  multipicklist: ['string', 'Data:MultiEnum'],
  reference: ['string', 'ForeignKey:EntityId'],
  currency: ['double', 'Data:Currency'],
  double: ['double', 'Data:Double'],
  percent: ['double', 'Data:Percent'],
  int: ['int', 'Data:Integer'],
  boolean: ['boolean', 'Data:Boolean'],
  date: ['long', 'Data:DateOnly'],
  datetime: ['long', 'Data:DateTime'],
  time: ['long', 'Data:TimeOnly'],
  encryptedstring: ['string', 'Data:EncryptedText'],
  address: ['Address', 'Data:Address'],
  location: ['Location', 'Data:Location'],
};

/** Fields whose doc does not follow from their type. */
const DOC_BY_NAME: Readonly<Record<string, string>> = {
  CreatedDate: 'CreatedDate:DateTime',
  JigsawCompanyId: 'ExternalForeignKey:ExternalId',
  CleanStatus: 'Data:StaticEnum',
};

const RECORD_CHANGES = ['CREATE', 'UPDATE', 'DELETE', 'UNDELETE'];
const GAPS = RECORD_CHANGES.map((type) => `GAP_${type}`);
const CHANGE_TYPE = {
  type: 'enum',
  name: 'ChangeType',
  symbols: [...RECORD_CHANGES, ...GAPS, 'GAP_OVERFLOW', 'SNAPSHOT'],
};
const TEXTS = { type: 'array', items: 'string' };

/** The header of every change event: the first field of its schema. */
export const CHANGE_EVENT_HEADER = {
  type: 'record',
  name: 'ChangeEventHeader',
  fields: [
    { name: 'entityName', type: 'string' },
    { name: 'recordIds', type: TEXTS },
    { name: 'changeType', type: CHANGE_TYPE },
    { name: 'changeOrigin', type: 'string' },
    { name: 'transactionKey', type: 'string' },
    { name: 'sequenceNumber', type: 'int' },
    { name: 'commitTimestamp', type: 'long' },
    { name: 'commitNumber', type: 'long' },
    { name: 'commitUser', type: 'string' },
    { name: 'nulledFields', type: TEXTS },
    { name: 'diffFields', type: TEXTS },
    { name: 'changedFields', type: TEXTS },
  ],
};
