import type { FieldCatalog } from './field-catalog.ts';
import type { FieldDefinition, FieldValue, RecordValues, SaveError } from './model.ts';
import { keyPrefixOf, toLongId } from './record-id.ts';
import { saveErrors } from './save-errors.ts';

/**
 * Checks the values of one insert or update and returns them as they are stored: exact field names, text trimmed, empty text as null, ids with 18 characters.
 */
export function applyFieldRules(
  catalog: FieldCatalog,
  values: RecordValues,
  operation: 'insert' | 'update',
  recordExists: (id: string) => boolean,
): FieldRuleResult {
  const accepted: Record<string, FieldValue> = {};
  const errors: SaveError[] = [];
  const readOnly: string[] = [];
  for (const [name, value] of Object.entries(values)) {
    const field = catalog.find(name);
    if (field === undefined) return { ok: false, errors: [saveErrors.unknownField(name)] };
    if (!(operation === 'insert' ? field.createable : field.updateable)) {
      readOnly.push(field.name);
      continue;
    }
    const checked = checkValue(field, value, recordExists);
    if (checked.ok) accepted[field.name] = checked.value;
    else errors.push(checked.error);
  }
  if (readOnly.length > 0) return { ok: false, errors: [saveErrors.notWritable(readOnly)] };
  const missing = missingFields(catalog, accepted, operation);
  if (errors.length === 0 && missing.length > 0) errors.push(saveErrors.requiredMissing(missing));
  return errors.length > 0 ? { ok: false, errors } : { ok: true, values: accepted };
}

function missingFields(
  catalog: FieldCatalog,
  values: RecordValues,
  operation: 'insert' | 'update',
): string[] {
  return catalog
    .all()
    .filter((field) => !field.nillable && field.createable && field.defaultValue === null)
    .filter((field) => {
      const value = values[field.name];
      if (value === null) return true;
      return operation === 'insert' && value === undefined && field.name !== 'OwnerId';
    })
    .map((field) => field.name);
}

function checkValue(
  field: FieldDefinition,
  value: FieldValue,
  recordExists: (id: string) => boolean,
): Checked {
  if (value === null || value === '') return { ok: true, value: field.type === 'boolean' ? false : null };
  switch (field.type) {
    case 'boolean':
      return typeof value === 'boolean' ? { ok: true, value } : wrongType(field, value);
    case 'int':
    case 'double':
    case 'currency':
    case 'percent':
      return checkNumber(field, value);
    case 'date':
    case 'datetime':
      return Number.isSafeInteger(value) ? { ok: true, value } : wrongType(field, value);
    case 'time':
      return Number.isInteger(value) && Number(value) >= 0 && Number(value) < DAY_MS
        ? { ok: true, value }
        : wrongType(field, value);
    case 'id':
    case 'reference':
      return checkReference(field, value, recordExists);
    default:
      return checkText(field, value);
  }
}

function checkNumber(field: FieldDefinition, value: FieldValue): Checked {
  if (typeof value !== 'number' || !Number.isFinite(value)) return wrongType(field, value);
  if (field.type === 'int' && !Number.isInteger(value)) return wrongType(field, value);
  const limit = 10 ** Math.max(field.precision - field.scale, 0);
  if (field.precision > 0 && Math.abs(value) >= limit) {
    return { ok: false, error: saveErrors.outOfRange(field, value) };
  }
  return { ok: true, value };
}

function checkReference(
  field: FieldDefinition,
  value: FieldValue,
  recordExists: (id: string) => boolean,
): Checked {
  const id = typeof value === 'string' ? toLongId(value) : undefined;
  if (id === undefined) return { ok: false, error: saveErrors.malformedId(field.label, field.name, value) };
  const prefix = REFERENCE_PREFIXES[field.referenceTo[0] ?? ''];
  if (prefix === undefined) return { ok: true, value: id };
  if (keyPrefixOf(id) !== prefix) {
    return { ok: false, error: saveErrors.malformedId(field.label, field.name, value) };
  }
  return recordExists(id)
    ? { ok: true, value: id }
    : { ok: false, error: saveErrors.invalidReference(field.name) };
}

function checkText(field: FieldDefinition, value: FieldValue): Checked {
  if (typeof value !== 'string') return wrongType(field, value);
  const text = value.trim();
  if (field.length > 0 && text.length > field.length) {
    return { ok: false, error: saveErrors.tooLong(field, text) };
  }
  return { ok: true, value: text === '' ? null : text };
}

function wrongType(field: FieldDefinition, value: FieldValue): Checked {
  return { ok: false, error: saveErrors.wrongType(field, value) };
}

const DAY_MS = 86_400_000;

/** Key prefixes of the objects whose references are checked. */
const REFERENCE_PREFIXES: Readonly<Record<string, string>> = { Account: '001', User: '005' };

type FieldRuleResult =
  | { readonly ok: true; readonly values: RecordValues }
  | { readonly ok: false; readonly errors: readonly SaveError[] };

type Checked =
  | { readonly ok: true; readonly value: FieldValue }
  | { readonly ok: false; readonly error: SaveError };
