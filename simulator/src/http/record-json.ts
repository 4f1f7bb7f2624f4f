import { isCompound, partName } from '../org/compound-fields.ts';
import { mask } from '../org/mask.ts';
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
  for (const field of fields) {
    if (field.name.includes('.')) addParentField(json, record, field, versionUrl);
    else json[field.name] = fieldJson(record, field, index);
  }
  return json;
};

/** `Owner.Name` becomes `Name` of `Owner`, and `Owner` is null without an owner. */
const addParentField = (
  json: Record<string, unknown>,
  { values }: OrgRecord,
  field: FieldDefinition,
  versionUrl: string,
): void => {
  const path = field.name.split('.');
  const name = path.pop() ?? '';
  let child = json;
  for (const [depth, relationship] of path.entries()) {
    const id = values[`${path.slice(0, depth + 1).join('.')}.Id`];
    const type = String(id).startsWith('005') ? 'User' : 'Account';
    const parent = isObject(child[relationship])
      ? { ...child[relationship] }
      : { attributes: { type, url: `${versionUrl}/sobjects/${type}/${id}` } };
    child[relationship] = typeof id === 'string' ? parent : null;
    if (typeof id !== 'string') return;
    child = parent;
  }
  child[name] = valueJson(field, values[field.name] ?? null);
};

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Times as `2026-11-23T08:00:00.000+0000`, dates as `2026-11-23`. */
export const valueJson = (field: FieldDefinition, value: FieldValue): FieldValue => {
  if (value === null) return field.type === 'boolean' ? false : null;
  if (field.type === 'encryptedstring') return mask(value);
  if (typeof value !== 'number') return value;
  if (field.type === 'datetime') return timeText(value);
  if (field.type === 'date') return new Date(value).toISOString().slice(0, 10);
  if (field.type === 'time') return timeOfDay(value);
  return value;
};

/** `08:30:00.000Z` of milliseconds since midnight. */
export const timeOfDay = (time: number): string => new Date(time).toISOString().slice('1970-01-01T'.length);

/** `2026-11-23T08:00:00.000+0000` of epoch milliseconds. */
export const timeText = (time: number): string => new Date(time).toISOString().replace('Z', '+0000');

const fieldJson = (record: OrgRecord, field: FieldDefinition, index: FieldIndex) =>
  isCompound(field)
    ? compoundJson(record, field, index)
    : valueJson(field, record.values[field.name] ?? null);

/** `BillingCity` becomes `city` of `BillingAddress`; a compound field without values is null. */
const compoundJson = ({ values }: OrgRecord, field: FieldDefinition, index: FieldIndex) => {
  const parts = index.partsOf(field.name).map((part): [string, FieldValue] => {
    const key = partName(field, part);
    return [key.charAt(0).toLowerCase() + key.slice(1), values[part.name] ?? null];
  });
  if (parts.every(([, value]) => value === null)) return null;
  return Object.fromEntries(parts.sort(([left], [right]) => (left < right ? -1 : 1)));
};

type RecordJson = Readonly<Record<string, unknown>>;
