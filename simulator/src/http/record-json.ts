import type { FieldDefinition, FieldValue, OrgRecord } from '../org/model.ts';
import type { FieldIndex } from './field-index.ts';

/** A record in REST: `attributes`, then the fields in the requested order. */
export const recordJson = (
  record: OrgRecord,
  fields: readonly FieldDefinition[],
  index: FieldIndex,
  versionUrl: string,
): RecordJson => {
  const json: Record<string, unknown> = {
    attributes: { type: 'Account', url: `${versionUrl}/sobjects/Account/${record.id}` },
  };
  for (const field of fields) json[field.name] = fieldJson(record, field, index);
  return json;
};

/** Times as `2026-11-23T08:00:00.000+0000`, dates as `2026-11-23`. */
export const valueJson = (field: FieldDefinition, value: FieldValue): FieldValue => {
  if (value === null) return field.type === 'boolean' ? false : null;
  if (typeof value !== 'number') return value;
  if (field.type === 'datetime') return timeText(value);
  if (field.type === 'date') return new Date(value).toISOString().slice(0, 10);
  return value;
};

/** `2026-11-23T08:00:00.000+0000` of epoch milliseconds. */
export const timeText = (time: number): string => new Date(time).toISOString().replace('Z', '+0000');

const fieldJson = (record: OrgRecord, field: FieldDefinition, index: FieldIndex) =>
  field.type === 'address'
    ? addressJson(record, field, index)
    : valueJson(field, record.values[field.name] ?? null);

/** `BillingCity` becomes `city` of `BillingAddress`; an address without parts is null. */
const addressJson = ({ values }: OrgRecord, { name }: FieldDefinition, index: FieldIndex) => {
  const prefix = name.replace(/Address(?=$|__c$)/, '');
  const parts = index.partsOf(name).map((part): [string, FieldValue] => {
    const key = part.name.startsWith(prefix) ? part.name.slice(prefix.length) : part.name;
    return [key.charAt(0).toLowerCase() + key.slice(1), values[part.name] ?? null];
  });
  if (parts.every(([, value]) => value === null)) return null;
  return Object.fromEntries(parts.sort(([left], [right]) => (left < right ? -1 : 1)));
};

type RecordJson = Readonly<Record<string, unknown>>;
