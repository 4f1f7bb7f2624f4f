import type { FieldDefinition, FieldType } from './model.ts';

/** Fills in what a field definition leaves open, by its type. */
export function defineField(
  field: Partial<FieldDefinition> & Pick<FieldDefinition, 'name' | 'type'>,
): FieldDefinition {
  return {
    label: field.name.replace(/__c$/, '').replaceAll('_', ' '),
    length: LENGTHS[field.type] ?? 0,
    precision: PRECISIONS[field.type] ?? 0,
    scale: 0,
    nillable: field.type !== 'boolean',
    createable: true,
    updateable: true,
    unique: false,
    externalId: false,
    custom: field.name.endsWith('__c'),
    defaultValue: field.type === 'boolean' ? false : null,
    picklistValues: [],
    referenceTo: [],
    compoundFieldName: null,
    inChangeEvents: true,
    ...field,
  };
}

const LENGTHS: Partial<Record<FieldType, number>> = {
  id: 18,
  reference: 18,
  string: 255,
  textarea: 32_000,
  phone: 40,
  url: 255,
  email: 80,
  picklist: 255,
  multipicklist: 4099,
};
const PRECISIONS: Partial<Record<FieldType, number>> = { currency: 18, double: 18, percent: 18, int: 8 };
