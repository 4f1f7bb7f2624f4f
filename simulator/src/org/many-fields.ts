import type { NewField } from './field-catalog.ts';
import type { FieldType } from './model.ts';

/** Custom fields of all common types: `Regional_Partner_Programme_Tier_0007__c`. */
export function manyFields(count: number): NewField[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `Regional_Partner_Programme_Tier_${String(at + 1).padStart(4, '0')}__c`,
    type: types[at % types.length] ?? 'string',
  }));
}

const types: readonly FieldType[] = ['string', 'double', 'date', 'picklist', 'datetime', 'int', 'textarea'];
