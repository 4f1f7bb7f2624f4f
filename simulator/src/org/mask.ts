import type { FieldValue } from './model.ts';

/** An encrypted text as users without the permission "View Encrypted Data" see it, which are all users here. */
export function mask(value: FieldValue): FieldValue {
  return typeof value === 'string' ? '*'.repeat(value.length) : value;
}
