import { isCompound } from '../../org/compound-fields.ts';
import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';

/** The value of a field as queries compare and sort it; `null` if empty. */
export const comparableValue = (field: FieldDefinition): ((record: OrgRecord) => FieldValue) => {
  const { name } = field;
  if (isIdField(field)) {
    return ({ values }) => {
      const value = values[name];
      return typeof value === 'string' ? value.slice(0, 15) : null;
    };
  }
  if (field.type === 'boolean') return ({ values }) => values[name] ?? false;
  if (isTextField(field) && !isCaseSensitive(field)) {
    return ({ values }) => {
      const value = values[name];
      return typeof value === 'string' ? value.toLowerCase() || null : (value ?? null);
    };
  }
  return ({ values }) => values[name] ?? null;
};

export const isIdField = ({ type }: FieldDefinition): boolean => type === 'id' || type === 'reference';

export const isTextField = ({ type }: FieldDefinition): boolean => textTypes.has(type);

/** Text comparison is case-insensitive, except in a unique field. */
export const isCaseSensitive = ({ unique }: FieldDefinition): boolean => unique;

/** Whether WHERE and ORDER BY accept the field: not a long text area, an encrypted text or a compound field. */
export const isFilterable = ({ type, length }: FieldDefinition): boolean =>
  !isCompound({ type }) && type !== 'encryptedstring' && !(type === 'textarea' && length > 255);

/** Whether GROUP BY accepts the field: not a time or a number with decimals. */
export const isGroupable = (field: FieldDefinition): boolean =>
  isFilterable(field) && !ungroupable.has(field.type);

const ungroupable = new Set<FieldDefinition['type']>(['datetime', 'currency', 'double', 'percent']);

const textTypes = new Set<FieldDefinition['type']>([
  'string',
  'textarea',
  'phone',
  'url',
  'email',
  'picklist',
  'multipicklist',
]);
