import type { FieldCatalog } from './field-catalog.ts';
import type { RecordValues, SaveError } from './model.ts';
import { saveErrors } from './save-errors.ts';

/**
 * In an org with person accounts an account with a last name is a person: its name follows from the parts and
 * cannot be written, and those of a company have no parts.
 */
export function nameAccount(
  catalog: FieldCatalog,
  before: RecordValues | undefined,
  values: RecordValues,
): NamedAccount {
  if (catalog.find('LastName') === undefined) return { ok: true, values, fixed: {} };
  const isPerson =
    before === undefined ? (values['LastName'] ?? '') !== '' : before['IsPersonAccount'] === true;
  const fixed = before === undefined ? { IsPersonAccount: isPerson } : {};
  const wrong = Object.keys(values).filter((name) => (isPerson ? name === 'Name' : PARTS.includes(name)));
  if (wrong.length > 0) return { ok: false, error: saveErrors.notWritable(wrong) };
  if (!isPerson) return { ok: true, values, fixed };
  const { FirstName, LastName } = { ...before, ...values };
  if ((LastName ?? '') === '') return { ok: false, error: saveErrors.requiredMissing(['LastName']) };
  return { ok: true, values: { ...values, Name: [FirstName, LastName].filter(Boolean).join(' ') }, fixed };
}

const PARTS = ['Salutation', 'FirstName', 'LastName'];

export type NamedAccount =
  | {
      readonly ok: true;
      readonly values: RecordValues;
      /** Values that no caller may give. */
      readonly fixed: RecordValues;
    }
  | { readonly ok: false; readonly error: SaveError };
