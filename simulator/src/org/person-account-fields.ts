import { defineField } from './define-field.ts';
import type { FieldDefinition } from './model.ts';

/**
 * The fields of Account in an org with person accounts: those of `fields` and what a person adds. In events the
 * record type comes third, and a person's own fields follow `LastModifiedById`, as in real schemas.
 */
export function withPersonAccounts(fields: readonly FieldDefinition[]): FieldDefinition[] {
  return fields.flatMap((field) => [field, ...(ADDED_AFTER[field.name] ?? [])]);
}

const READ_ONLY = { createable: false, updateable: false } as const;

const NAME_PARTS = [
  defineField({ name: 'Salutation', type: 'picklist', length: 40, compoundFieldName: 'Name' }),
  defineField({
    name: 'FirstName',
    type: 'string',
    label: 'First Name',
    length: 40,
    compoundFieldName: 'Name',
  }),
  defineField({
    name: 'LastName',
    type: 'string',
    label: 'Last Name',
    length: 80,
    compoundFieldName: 'Name',
  }),
];

const PERSON_FIELDS = [
  defineField({
    name: 'PersonContactId',
    type: 'reference',
    label: 'Contact ID',
    referenceTo: ['Contact'],
    ...READ_ONLY,
  }),
  defineField({ name: 'PersonMobilePhone', type: 'phone', label: 'Mobile' }),
  defineField({ name: 'PersonHomePhone', type: 'phone', label: 'Home Phone' }),
  defineField({ name: 'PersonEmail', type: 'email', label: 'Email' }),
  defineField({ name: 'PersonTitle', type: 'string', label: 'Title', length: 80 }),
  defineField({ name: 'PersonBirthdate', type: 'date', label: 'Birthdate' }),
];

/** By the name of the field they follow. */
const ADDED_AFTER: Readonly<Record<string, readonly FieldDefinition[]>> = {
  MasterRecordId: [
    defineField({
      name: 'IsPersonAccount',
      type: 'boolean',
      label: 'Is Person Account',
      nillable: false,
      inChangeEvents: false,
      ...READ_ONLY,
    }),
  ],
  Name: NAME_PARTS,
  Type: [
    defineField({
      name: 'RecordTypeId',
      type: 'reference',
      label: 'Record Type ID',
      referenceTo: ['RecordType'],
    }),
  ],
  LastModifiedById: PERSON_FIELDS,
};
