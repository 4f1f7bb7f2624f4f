import type { FastifyInstance } from 'fastify';
import type { FieldDefinition, FieldType } from '../org/model.ts';
import type { HttpContext } from './http-context.ts';
import { versionUrl } from './rest-caller.ts';
import { assertAccount } from './rest-rows.ts';
import { isFilterable, isGroupable } from './soql/field-value.ts';
import { relationshipName } from './soql/parent-fields.ts';

/** Describe: Account and its fields. */
export const describeRoutes =
  ({ org }: HttpContext) =>
  async (app: FastifyInstance) => {
    app.addHook('preHandler', async (request) => assertAccount(request));

    app.get('/sobjects', async (request) => ({
      encoding: 'UTF-8',
      maxBatchSize: 200,
      sobjects: [describeObject(versionUrl(request))],
    }));

    app.get('/sobjects/:type', async (request) => ({
      objectDescribe: describeObject(versionUrl(request)),
      recentItems: [],
    }));

    app.get('/sobjects/:type/describe', async (request) => ({
      ...describeObject(versionUrl(request)),
      childRelationships: [],
      fields: org.fields().map(describeField),
      recordTypeInfos: [],
    }));
  };

const describeObject = (base: string) => {
  const sobject = `${base}/sobjects/Account`;
  return {
    activateable: false,
    createable: true,
    custom: false,
    customSetting: false,
    deletable: true,
    deprecatedAndHidden: false,
    feedEnabled: false,
    hasSubtypes: false,
    isSubtype: false,
    keyPrefix: '001',
    label: 'Account',
    labelPlural: 'Accounts',
    layoutable: true,
    mergeable: false,
    mruEnabled: false,
    name: 'Account',
    queryable: true,
    replicateable: true,
    retrieveable: true,
    searchable: false,
    triggerable: false,
    undeletable: true,
    updateable: true,
    urls: { sobject, describe: `${sobject}/describe`, rowTemplate: `${sobject}/{ID}` },
  };
};

/** One entry of `fields` in a describe response. */
const describeField = (field: FieldDefinition) => ({
  aggregatable: isFilterable(field),
  autoNumber: false,
  byteLength: field.length * 3,
  calculated: field.calculated,
  caseSensitive: field.unique,
  compoundFieldName: field.compoundFieldName,
  createable: field.createable,
  custom: field.custom,
  defaultValue: field.defaultValue,
  defaultedOnCreate: field.defaultValue !== null,
  deprecatedAndHidden: false,
  digits: field.type === 'int' ? field.precision : 0,
  encrypted: field.type === 'encryptedstring',
  externalId: field.externalId,
  filterable: isFilterable(field),
  groupable: isGroupable(field),
  idLookup: field.externalId || field.type === 'id',
  label: field.label,
  length: field.length,
  mask: field.type === 'encryptedstring' ? 'asterisk' : null,
  maskType: field.type === 'encryptedstring' ? 'all' : null,
  name: field.name,
  nameField: field.name === 'Name',
  nillable: field.nillable,
  permissionable: field.nillable && field.updateable,
  picklistValues: field.picklistValues.map((value) => ({
    active: true,
    defaultValue: value === field.defaultValue,
    label: value,
    validFor: null,
    value,
  })),
  precision: field.type === 'int' ? 0 : field.precision,
  referenceTo: field.referenceTo,
  relationshipName: relationshipName(field),
  restrictedPicklist: false,
  scale: field.scale,
  soapType: soapTypes[field.type] ?? 'xsd:string',
  sortable: isFilterable(field),
  type: field.type,
  unique: field.unique,
  updateable: field.updateable,
});

/** By field type; `xsd:string` for the others. */
const soapTypes: Partial<Record<FieldType, string>> = {
  id: 'tns:ID',
  reference: 'tns:ID',
  currency: 'xsd:double',
  double: 'xsd:double',
  percent: 'xsd:double',
  int: 'xsd:int',
  boolean: 'xsd:boolean',
  date: 'xsd:date',
  datetime: 'xsd:dateTime',
  time: 'xsd:time',
  address: 'urn:address',
  location: 'urn:location',
};
