import type { FieldDefinition, FieldValue, SaveError } from './model.ts';
import { toShortId } from './record-id.ts';

/** Salesforce's status codes and messages for refused DML. */
export const saveErrors = {
  unknownField: (name: string) =>
    error('INVALID_FIELD', `No such column '${name}' on sobject of type Account`),
  notWritable: (names: readonly string[]) =>
    error(
      'INVALID_FIELD_FOR_INSERT_UPDATE',
      `Unable to create/update fields: ${names.join(', ')}. Please check the security settings of this field and verify that it is read/write for your profile or permission set.`,
      names,
    ),
  wrongType: (field: FieldDefinition, value: FieldValue) =>
    error('INVALID_TYPE_ON_FIELD_IN_RECORD', `${field.label}: value not of required type: ${value}`, [
      field.name,
    ]),
  tooLong: (field: FieldDefinition, value: string) =>
    error('STRING_TOO_LONG', `${field.label}: data value too large: ${value} (max length=${field.length})`, [
      field.name,
    ]),
  outOfRange: (field: FieldDefinition, value: number) =>
    error(
      'NUMBER_OUTSIDE_VALID_RANGE',
      `${field.label}: value outside of valid range on numeric field: ${value}`,
      [field.name],
    ),
  malformedId: (label: string, field: string, value: FieldValue) =>
    error('MALFORMED_ID', `${label}: id value of incorrect type: ${value}`, [field]),
  requiredMissing: (names: readonly string[]) =>
    error('REQUIRED_FIELD_MISSING', `Required fields are missing: [${names.join(', ')}]`, names),
  duplicate: (field: string, holder: string) =>
    error(
      'DUPLICATE_VALUE',
      `duplicate value found: ${field} duplicates value on record with id: ${toShortId(holder)}`,
    ),
  severalMatches: (field: string, ids: readonly string[]) =>
    error(
      'DUPLICATE_EXTERNAL_ID',
      `${field}: more than one record found for external id field: [${ids.join(', ')}]`,
      [field],
    ),
  notAnExternalId: (name: string) =>
    error('NOT_FOUND', `Provided external ID field does not exist or is not accessible: ${name}`),
  externalIdMissing: (name: string) => error('MISSING_ARGUMENT', `${name} not specified`),
  invalidReference: (field?: string) =>
    error('INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id', field === undefined ? [] : [field]),
  deleted: () => error('ENTITY_IS_DELETED', 'entity is deleted'),
  notInRecycleBin: () => error('UNDELETE_FAILED', 'Entity is not in the recycle bin'),
};

function error(statusCode: string, message: string, fields: readonly string[] = []): SaveError {
  return { statusCode, message, fields };
}
