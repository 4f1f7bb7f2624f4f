import type { FieldDefinition } from '../../org/model.ts';
import type { FieldIndex } from '../field-index.ts';
import { isFilterable } from './field-value.ts';
import { QueryError, queryErrorAt } from './query-error.ts';
import type { FieldGroup, Name, Query } from './syntax.ts';

/** The fields of a SELECT list in its order. Throws INVALID_FIELD for an unknown or repeated field. */
export const selectFields = (query: Query, index: FieldIndex, text: string): FieldDefinition[] => {
  const selected = query.select.flatMap((item) => {
    if (item.kind === 'field') return [findField(index, item.field, text)];
    if (item.kind !== 'fields') return [];
    if (item.group !== 'STANDARD' && (query.limit === null || query.limit > 200)) {
      const message = 'The SOQL FIELDS function must have a LIMIT of at most 200';
      throw new QueryError('MALFORMED_QUERY', message);
    }
    return index.fields.filter((field) => isInGroup(field, item.group));
  });
  const double = selected.find((field, at) => selected.indexOf(field) !== at);
  if (double) throw new QueryError('INVALID_FIELD', `duplicate field selected: ${double.name}`);
  return selected;
};

export const findField = (
  index: FieldIndex,
  { text: name, position }: Name,
  text: string,
): FieldDefinition => {
  const field = index.find(name.replace(/^account\./i, ''));
  if (field) return field;
  const message = `No such column '${name}' on entity 'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names.`;
  throw queryErrorAt('INVALID_FIELD', message, text, position);
};

/** As `findField`, for WHERE and ORDER BY. */
export const findFilterField = (index: FieldIndex, name: Name, text: string): FieldDefinition => {
  const field = findField(index, name, text);
  if (isFilterable(field)) return field;
  const message = `field '${field.name}' can not be filtered in a query call`;
  throw queryErrorAt('INVALID_FIELD', message, text, name.position);
};

const isInGroup = (field: FieldDefinition, group: FieldGroup): boolean =>
  group === 'ALL' || field.custom === (group === 'CUSTOM');
