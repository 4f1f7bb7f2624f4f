import type { FieldDefinition } from './model.ts';

/** Whether a field is composed of others; a name is only in an org with person accounts and is stored as text. */
export function isCompound({ type }: Pick<FieldDefinition, 'type'>): boolean {
  return type === 'address' || type === 'location';
}

/** `City` for `BillingCity` of `BillingAddress`, `Latitude` for `Site__Latitude__s` of `Site__c`. */
export function partName(compound: FieldDefinition, part: FieldDefinition): string {
  if (compound.type === 'address') return part.name.slice(compound.name.length - 'Address'.length);
  return compound.type === 'location'
    ? part.name.slice(locationStem(compound).length, -'__s'.length)
    : part.name;
}

/** The parts of a custom location, which REST and queries name like fields: `Site__Latitude__s`. */
export function locationParts(location: FieldDefinition): Pick<FieldDefinition, 'name' | 'label'>[] {
  return ['Latitude', 'Longitude'].map((part) => ({
    name: `${locationStem(location)}${part}__s`,
    label: `${location.label} (${part})`,
  }));
}

function locationStem({ name }: FieldDefinition): string {
  return name.replace(/__c$/, '__');
}
