import type { ChangeEventHeader } from './change-event.ts';
import type { SchemaField } from './writer-schema.ts';

/** A text for a business account; parts, such as `Name.LastName`, for a person account. */
export const nameField = 'Name';

/** Whether the org has person accounts. @param fields of the change event schema */
export function hasPersonAccounts(fields: readonly SchemaField[]): boolean {
  return fields.some(({ name, parts }) => name === nameField && parts.length > 0);
}

/**
 * Fields that an UPDATE may have changed without naming them. Another record type can turn a business account into a person
 * account, whose name has parts. If only the modification date changed, Salesforce changed a field that the channel does
 * not carry: those of the contact of a person account, unless Contact is selected too.
 */
export function impliedPaths(
  { changeType, changedFields }: Pick<ChangeEventHeader, 'changeType' | 'changedFields'>,
  fields: readonly SchemaField[],
): string[] {
  if (changeType !== 'UPDATE') return [];
  const namesName = changedFields.some((path) => path.split('.')[0] === nameField);
  const mayConvert = changedFields.includes('RecordTypeId') && !namesName && hasPersonAccounts(fields);
  const onlyDates = changedFields.length > 0 && changedFields.every((path) => modificationFields.has(path));
  return [...(mayConvert ? [nameField] : []), ...(onlyDates ? [anyField] : [])];
}

/** The path of an unknown field. */
const anyField = '*';

const modificationFields: ReadonlySet<string> = new Set([
  'LastModifiedDate',
  'LastModifiedById',
  'SystemModstamp',
]);
