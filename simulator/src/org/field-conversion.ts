import type { FieldDefinition, FieldType, FieldValue } from './model.ts';

/**
 * What becomes of the values when a custom field gets another type. Compatible types keep them in silence; the
 * others empty the field of every record, which subscribers hear as one gap for the whole object.
 * Source: "Field Conversion", Change Data Capture guide.
 */
export function conversionOf(from: FieldType, to: FieldType): Conversion {
  if (from === 'picklist' && to === 'multipicklist') return { keeps: true, isTold: true };
  const keeps = from === to || GROUPS.some((group) => group.includes(from) && group.includes(to));
  return { keeps, isTold: !keeps };
}

/** A kept value under its field's new definition. */
export function convertedValue(value: FieldValue, field: FieldDefinition): FieldValue {
  if (typeof value === 'string') return field.length > 0 ? value.slice(0, field.length) : value;
  if (typeof value !== 'number') return value;
  if (field.type === 'int') return Math.round(value);
  return field.type === 'date' ? Math.floor(value / DAY_MS) * DAY_MS : value;
}

const GROUPS: readonly (readonly FieldType[])[] = [
  ['string', 'textarea', 'phone', 'url', 'email', 'picklist'],
  ['int', 'double', 'currency', 'percent'],
  ['date', 'datetime'],
];
const DAY_MS = 86_400_000;

export type Conversion = {
  readonly keeps: boolean;
  /** Whether subscribers hear of it. */
  readonly isTold: boolean;
};
