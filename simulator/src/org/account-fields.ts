import { accountField } from './field-catalog.ts';
import type { FieldDefinition, FieldType } from './model.ts';
import {
  ACCOUNT_SOURCES,
  ACCOUNT_TYPES,
  CLEAN_STATUSES,
  GEOCODE_ACCURACIES,
  INDUSTRIES,
} from './picklists.ts';

/**
 * The fields of Account in an org without person accounts. Those in change events have the
 * order of the event schema: standard ones first, then the custom ones in the order they were added.
 */
export function accountFields(): readonly FieldDefinition[] {
  return [...BEFORE_EVENTS, ...IN_EVENTS, ...NOT_IN_EVENTS];
}

/** The standard fields of an org with record types, or with multiple currencies, for `addField`. */
export const OPTIONAL_STANDARD_FIELDS = {
  RecordTypeId: accountField('reference', 'RecordTypeId', 'Record Type ID', { referenceTo: ['RecordType'] }),
  CurrencyIsoCode: accountField('picklist', 'CurrencyIsoCode', 'Account Currency', {
    length: 3,
    defaultValue: 'USD',
    picklistValues: ['USD', 'EUR', 'GBP'],
  }),
} as const;

const READ_ONLY = { createable: false, updateable: false } as const;
const HIDDEN = { ...READ_ONLY, inChangeEvents: false } as const;

const BEFORE_EVENTS = [
  accountField('id', 'Id', 'Account ID', { nillable: false, ...HIDDEN }),
  accountField('boolean', 'IsDeleted', 'Deleted', { nillable: false, ...HIDDEN }),
  accountField('reference', 'MasterRecordId', 'Master Record ID', { referenceTo: ['Account'], ...HIDDEN }),
];

const IN_EVENTS = [
  accountField('string', 'Name', 'Account Name', { nillable: false }),
  accountField('picklist', 'Type', 'Account Type', { picklistValues: ACCOUNT_TYPES }),
  accountField('reference', 'ParentId', 'Parent Account ID', { referenceTo: ['Account'] }),
  ...address('Billing'),
  ...address('Shipping'),
  accountField('phone', 'Phone', 'Account Phone'),
  accountField('phone', 'Fax', 'Account Fax'),
  accountField('string', 'AccountNumber', 'Account Number', { length: 40 }),
  accountField('url', 'Website', 'Website'),
  accountField('string', 'Sic', 'SIC Code', { length: 20 }),
  accountField('picklist', 'Industry', 'Industry', { picklistValues: INDUSTRIES }),
  accountField('currency', 'AnnualRevenue', 'Annual Revenue'),
  accountField('int', 'NumberOfEmployees', 'Employees'),
  picklist('Ownership', ['Public', 'Private', 'Subsidiary', 'Other']),
  accountField('string', 'TickerSymbol', 'Ticker Symbol', { length: 20 }),
  accountField('textarea', 'Description', 'Account Description'),
  picklist('Rating', ['Hot', 'Warm', 'Cold'], 'Account Rating'),
  accountField('string', 'Site', 'Account Site', { length: 80 }),
  accountField('reference', 'OwnerId', 'Owner ID', { nillable: false, referenceTo: ['User'] }),
  ...stamp('Created'),
  ...stamp('LastModified'),
  accountField('string', 'Jigsaw', 'Data.com Key', { length: 20 }),
  accountField('string', 'JigsawCompanyId', 'Jigsaw Company ID', { length: 20, ...READ_ONLY }),
  picklist('CleanStatus', CLEAN_STATUSES, 'Clean Status'),
  picklist('AccountSource', ACCOUNT_SOURCES, 'Account Source'),
  accountField('string', 'DunsNumber', 'D-U-N-S Number', { length: 9 }),
  accountField('string', 'Tradestyle', 'Tradestyle', { length: 255 }),
  accountField('string', 'NaicsCode', 'NAICS Code', { length: 8 }),
  accountField('string', 'NaicsDesc', 'NAICS Description', { length: 120 }),
  accountField('string', 'YearStarted', 'Year Started', { length: 4 }),
  accountField('string', 'SicDesc', 'SIC Description', { length: 80 }),
  accountField('reference', 'DandbCompanyId', 'D&B Company ID', { referenceTo: ['DandBCompany'] }),
  accountField('reference', 'OperatingHoursId', 'Operating Hour ID', { referenceTo: ['OperatingHours'] }),
  picklist('CustomerPriority__c', ['High', 'Low', 'Medium'], 'Customer Priority'),
  picklist('SLA__c', ['Gold', 'Silver', 'Platinum', 'Bronze'], 'SLA'),
  picklist('Active__c', ['No', 'Yes'], 'Active'),
  accountField('double', 'NumberofLocations__c', 'Number of Locations', { precision: 3 }),
  picklist('UpsellOpportunity__c', ['Maybe', 'No', 'Yes'], 'Upsell Opportunity'),
  accountField('string', 'SLASerialNumber__c', 'SLA Serial Number', { length: 10 }),
  accountField('date', 'SLAExpirationDate__c', 'SLA Expiration Date'),
  accountField('string', 'SignUpCode__c', 'Sign Up Code', { length: 32, unique: true, externalId: true }),
];

const NOT_IN_EVENTS = [
  accountField('datetime', 'SystemModstamp', 'System Modstamp', { nillable: false, ...HIDDEN }),
  accountField('date', 'LastActivityDate', 'Last Activity', HIDDEN),
  accountField('datetime', 'LastViewedDate', 'Last Viewed Date', HIDDEN),
  accountField('datetime', 'LastReferencedDate', 'Last Referenced Date', HIDDEN),
  accountField('url', 'PhotoUrl', 'Photo URL', HIDDEN),
];

function picklist(name: string, picklistValues: readonly string[], label = name): FieldDefinition {
  return accountField('picklist', name, label, { picklistValues });
}

/** The compound field and its parts, in the order of the Avro record. */
function address(kind: 'Billing' | 'Shipping'): FieldDefinition[] {
  const compoundFieldName = `${kind}Address`;
  const part = (name: string, type: FieldType, rest: Partial<FieldDefinition> = {}) =>
    accountField(type, `${kind}${name}`, `${kind} ${name}`, { compoundFieldName, ...rest });
  return [
    accountField('address', compoundFieldName, `${kind} Address`, READ_ONLY),
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

/** The audit pair: time and user. */
function stamp(kind: 'Created' | 'LastModified'): FieldDefinition[] {
  const label = kind === 'Created' ? 'Created' : 'Last Modified';
  return [
    accountField('datetime', `${kind}Date`, `${label} Date`, { nillable: false, ...READ_ONLY }),
    accountField('reference', `${kind}ById`, `${label} By ID`, {
      nillable: false,
      referenceTo: ['User'],
      ...READ_ONLY,
    }),
  ];
}
