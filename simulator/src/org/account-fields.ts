import { defineField } from './define-field.ts';
import type { FieldDefinition, FieldType } from './model.ts';
import {
  ACCOUNT_SOURCES,
  ACCOUNT_TYPES,
  CLEAN_STATUSES,
  GEOCODE_ACCURACIES,
  INDUSTRIES,
} from './picklists.ts';

/**
 * The fields of Account in an org without person accounts. Those that appear in change events stand in the
 * order of the event schema: standard ones first, then the custom ones in the order they were added.
 */
export function accountFields(): readonly FieldDefinition[] {
  return [...BEFORE_EVENTS, ...IN_EVENTS, ...NOT_IN_EVENTS];
}

const READ_ONLY = { createable: false, updateable: false } as const;
const HIDDEN = { ...READ_ONLY, inChangeEvents: false } as const;

const BEFORE_EVENTS = [
  defineField({ name: 'Id', type: 'id', label: 'Account ID', nillable: false, ...HIDDEN }),
  defineField({ name: 'IsDeleted', type: 'boolean', label: 'Deleted', nillable: false, ...HIDDEN }),
  defineField({
    name: 'MasterRecordId',
    type: 'reference',
    label: 'Master Record ID',
    referenceTo: ['Account'],
    ...HIDDEN,
  }),
];

const IN_EVENTS = [
  defineField({ name: 'Name', type: 'string', label: 'Account Name', nillable: false }),
  defineField({ name: 'Type', type: 'picklist', label: 'Account Type', picklistValues: ACCOUNT_TYPES }),
  defineField({ name: 'ParentId', type: 'reference', label: 'Parent Account ID', referenceTo: ['Account'] }),
  ...address('Billing'),
  ...address('Shipping'),
  defineField({ name: 'Phone', type: 'phone', label: 'Account Phone' }),
  defineField({ name: 'Fax', type: 'phone', label: 'Account Fax' }),
  defineField({ name: 'AccountNumber', type: 'string', label: 'Account Number', length: 40 }),
  defineField({ name: 'Website', type: 'url' }),
  defineField({ name: 'Sic', type: 'string', label: 'SIC Code', length: 20 }),
  defineField({ name: 'Industry', type: 'picklist', picklistValues: INDUSTRIES }),
  defineField({ name: 'AnnualRevenue', type: 'currency', label: 'Annual Revenue' }),
  defineField({ name: 'NumberOfEmployees', type: 'int', label: 'Employees' }),
  picklist('Ownership', ['Public', 'Private', 'Subsidiary', 'Other']),
  defineField({ name: 'TickerSymbol', type: 'string', label: 'Ticker Symbol', length: 20 }),
  defineField({ name: 'Description', type: 'textarea', label: 'Account Description' }),
  picklist('Rating', ['Hot', 'Warm', 'Cold'], 'Account Rating'),
  defineField({ name: 'Site', type: 'string', label: 'Account Site', length: 80 }),
  defineField({
    name: 'OwnerId',
    type: 'reference',
    label: 'Owner ID',
    nillable: false,
    referenceTo: ['User'],
  }),
  ...stamp('Created'),
  ...stamp('LastModified'),
  defineField({ name: 'Jigsaw', type: 'string', label: 'Data.com Key', length: 20 }),
  defineField({
    name: 'JigsawCompanyId',
    type: 'string',
    label: 'Jigsaw Company ID',
    length: 20,
    ...READ_ONLY,
  }),
  picklist('CleanStatus', CLEAN_STATUSES, 'Clean Status'),
  picklist('AccountSource', ACCOUNT_SOURCES, 'Account Source'),
  defineField({ name: 'DunsNumber', type: 'string', label: 'D-U-N-S Number', length: 9 }),
  defineField({ name: 'Tradestyle', type: 'string', length: 255 }),
  defineField({ name: 'NaicsCode', type: 'string', label: 'NAICS Code', length: 8 }),
  defineField({ name: 'NaicsDesc', type: 'string', label: 'NAICS Description', length: 120 }),
  defineField({ name: 'YearStarted', type: 'string', label: 'Year Started', length: 4 }),
  defineField({ name: 'SicDesc', type: 'string', label: 'SIC Description', length: 80 }),
  defineField({
    name: 'DandbCompanyId',
    type: 'reference',
    label: 'D&B Company ID',
    referenceTo: ['DandBCompany'],
  }),
  defineField({
    name: 'OperatingHoursId',
    type: 'reference',
    label: 'Operating Hour ID',
    referenceTo: ['OperatingHours'],
  }),
  picklist('CustomerPriority__c', ['High', 'Low', 'Medium'], 'Customer Priority'),
  picklist('SLA__c', ['Gold', 'Silver', 'Platinum', 'Bronze'], 'SLA'),
  picklist('Active__c', ['No', 'Yes'], 'Active'),
  defineField({ name: 'NumberofLocations__c', type: 'double', label: 'Number of Locations', precision: 3 }),
  picklist('UpsellOpportunity__c', ['Maybe', 'No', 'Yes'], 'Upsell Opportunity'),
  defineField({ name: 'SLASerialNumber__c', type: 'string', label: 'SLA Serial Number', length: 10 }),
  defineField({ name: 'SLAExpirationDate__c', type: 'date', label: 'SLA Expiration Date' }),
  defineField({
    name: 'SignUpCode__c',
    type: 'string',
    label: 'Sign Up Code',
    length: 32,
    unique: true,
    externalId: true,
  }),
];

const NOT_IN_EVENTS = [
  defineField({
    name: 'SystemModstamp',
    type: 'datetime',
    label: 'System Modstamp',
    nillable: false,
    ...HIDDEN,
  }),
  defineField({ name: 'LastActivityDate', type: 'date', label: 'Last Activity', ...HIDDEN }),
  defineField({ name: 'LastViewedDate', type: 'datetime', label: 'Last Viewed Date', ...HIDDEN }),
  defineField({ name: 'LastReferencedDate', type: 'datetime', label: 'Last Referenced Date', ...HIDDEN }),
  defineField({ name: 'PhotoUrl', type: 'url', label: 'Photo URL', ...HIDDEN }),
];

function picklist(name: string, picklistValues: readonly string[], label = name): FieldDefinition {
  return defineField({ name, type: 'picklist', label, picklistValues });
}

/** The compound and its parts; the order of the parts is the order of the Avro record. */
function address(kind: 'Billing' | 'Shipping'): FieldDefinition[] {
  const compoundFieldName = `${kind}Address`;
  const part = (name: string, type: FieldType, rest: Partial<FieldDefinition> = {}) =>
    defineField({ name: `${kind}${name}`, type, label: `${kind} ${name}`, compoundFieldName, ...rest });
  return [
    defineField({ name: compoundFieldName, type: 'address', label: `${kind} Address`, ...READ_ONLY }),
    part('Street', 'textarea', { length: 255 }),
    part('City', 'string', { length: 40 }),
    part('State', 'string', { label: `${kind} State/Province`, length: 80 }),
    part('PostalCode', 'string', { label: `${kind} Zip/Postal Code`, length: 20 }),
    part('Country', 'string', { length: 80 }),
    part('Latitude', 'double', { scale: 15 }),
    part('Longitude', 'double', { scale: 15 }),
    part('GeocodeAccuracy', 'picklist', {
      label: `${kind} Geocode Accuracy`,
      length: 40,
      picklistValues: GEOCODE_ACCURACIES,
    }),
  ];
}

/** When and by whom: the audit pair. */
function stamp(kind: 'Created' | 'LastModified'): FieldDefinition[] {
  const label = kind === 'Created' ? 'Created' : 'Last Modified';
  return [
    defineField({
      name: `${kind}Date`,
      type: 'datetime',
      label: `${label} Date`,
      nillable: false,
      ...READ_ONLY,
    }),
    defineField({
      name: `${kind}ById`,
      type: 'reference',
      label: `${label} By ID`,
      nillable: false,
      referenceTo: ['User'],
      ...READ_ONLY,
    }),
  ];
}
