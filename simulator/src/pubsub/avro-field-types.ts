import type { FieldType } from '../org/model.ts';

/** How the values of a field are written; an address is a record of its own. */
export const AVRO_TYPES: Readonly<Record<FieldType, string>> = {
  id: 'string',
  string: 'string',
  textarea: 'string',
  phone: 'string',
  url: 'string',
  email: 'string',
  picklist: 'string',
  multipicklist: 'string',
  reference: 'string',
  currency: 'double',
  double: 'double',
  percent: 'double',
  int: 'int',
  boolean: 'boolean',
  date: 'long',
  datetime: 'long',
  address: 'Address',
};

/** The `doc` of a field in the schema, which tells a date from a moment where Avro does not. */
export const DOC_BY_TYPE: Readonly<Record<FieldType, string>> = {
  id: 'ForeignKey:EntityId',
  string: 'Data:Text',
  textarea: 'Data:StringPlusClob',
  phone: 'Data:Phone',
  url: 'Data:Url',
  email: 'Data:Email',
  picklist: 'Data:DynamicEnum',
  multipicklist: 'Data:MultiEnum',
  reference: 'ForeignKey:EntityId',
  currency: 'Data:Currency',
  double: 'Data:Double',
  percent: 'Data:Percent',
  int: 'Data:Integer',
  boolean: 'Data:Boolean',
  date: 'Data:DateOnly',
  datetime: 'Data:DateTime',
  address: 'Data:Address',
};

/** Fields whose doc does not follow from their type alone. */
export const DOC_BY_NAME: Readonly<Record<string, string>> = {
  CreatedDate: 'CreatedDate:DateTime',
  JigsawCompanyId: 'ExternalForeignKey:ExternalId',
  CleanStatus: 'Data:StaticEnum',
};
