import { accountField, type FieldCatalog } from './field-catalog.ts';
import type { FieldDefinition, RecordValues, SaveError } from './model.ts';
import { saveErrors } from './save-errors.ts';

/**
 * The fields of Account in an org with person accounts: `fields` and those of persons. In events the
 * record type is third, and the fields of persons follow `LastModifiedById`, as in real schemas.
 */
export function withPersonAccounts(fields: readonly FieldDefinition[]): FieldDefinition[] {
  return fields.flatMap((field) => [field, ...(ADDED_AFTER[field.name] ?? [])]);
}

const READ_ONLY = { createable: false, updateable: false } as const;

const NAME_PARTS = [
  accountField('picklist', 'Salutation', 'Salutation', { length: 40, compoundFieldName: 'Name' }),
  accountField('string', 'FirstName', 'First Name', { length: 40, compoundFieldName: 'Name' }),
  accountField('string', 'LastName', 'Last Name', { length: 80, compoundFieldName: 'Name' }),
];

const PERSON_FIELDS = [
  accountField('reference', 'PersonContactId', 'Contact ID', { referenceTo: ['Contact'], ...READ_ONLY }),
  accountField('phone', 'PersonMobilePhone', 'Mobile'),
  accountField('phone', 'PersonHomePhone', 'Home Phone'),
  accountField('email', 'PersonEmail', 'Email'),
  accountField('string', 'PersonTitle', 'Title', { length: 80 }),
  accountField('date', 'PersonBirthdate', 'Birthdate'),
];

/** By the name of the preceding field. */
const ADDED_AFTER: Readonly<Record<string, readonly FieldDefinition[]>> = {
  MasterRecordId: [
    accountField('boolean', 'IsPersonAccount', 'Is Person Account', {
      nillable: false,
      inChangeEvents: false,
      ...READ_ONLY,
    }),
  ],
  Name: NAME_PARTS,
  Type: [accountField('reference', 'RecordTypeId', 'Record Type ID', { referenceTo: ['RecordType'] })],
  LastModifiedById: PERSON_FIELDS,
};

/** The record types of Account in an org with person accounts. */
export const RECORD_TYPE_IDS = { business: '012000000000001AAA', person: '012000000000002AAA' } as const;

/**
 * In an org with person accounts, an account with a last name is a person: its name is composed of the parts and
 * cannot be written. The name of a company has no parts. A company with the record type of persons becomes a person when
 * it gets a last name, that of its contact.
 */
export function nameAccount(
  catalog: FieldCatalog,
  before: RecordValues | undefined,
  values: RecordValues,
): NamedAccount {
  if (catalog.find('LastName') === undefined) return { ok: true, values, fixed: {} };
  const hasLastName = (values['LastName'] ?? '') !== '';
  const converts = before?.['RecordTypeId'] === RECORD_TYPE_IDS.person && hasLastName;
  const isPerson = before === undefined ? hasLastName : before['IsPersonAccount'] === true || converts;
  const fixed = before === undefined || converts ? { IsPersonAccount: isPerson } : {};
  const wrong = Object.keys(values).filter((name) => (isPerson ? name === 'Name' : PARTS.includes(name)));
  if (wrong.length > 0) return { ok: false, error: saveErrors.notWritable(wrong) };
  if (!isPerson) return { ok: true, values, fixed };
  const { FirstName, LastName } = { ...before, ...values };
  if ((LastName ?? '') === '') return { ok: false, error: saveErrors.requiredMissing(['LastName']) };
  return { ok: true, values: { ...values, Name: [FirstName, LastName].filter(Boolean).join(' ') }, fixed };
}

const PARTS = ['Salutation', 'FirstName', 'LastName'];

type NamedAccount =
  | {
      readonly ok: true;
      readonly values: RecordValues;
      /** Values that callers cannot set. */
      readonly fixed: RecordValues;
    }
  | { readonly ok: false; readonly error: SaveError };
