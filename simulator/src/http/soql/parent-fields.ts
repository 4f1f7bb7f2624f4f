import { isCompound } from '../../org/compound-fields.ts';
import { defineField } from '../../org/field-catalog.ts';
import type { FieldDefinition, FieldValue, Org, OrgRecord, RecordValues } from '../../org/model.ts';
import type { FieldIndex } from '../field-index.ts';

/**
 * Fields of parents, by their path: `Owner.Name`, `Parent.CreatedBy.Email`. `index` finds them like other fields, and
 * `join` adds the values of those that were found to a record, under their paths, with the ids of the parents.
 */
export const parentFields = (org: ParentOrg, index: FieldIndex): ParentFields => {
  const found = new Map<string, ParentField>();

  const find = (name: string): FieldDefinition | undefined => {
    if (!name.includes('.')) return index.find(name);
    const key = name.toLowerCase();
    const known = found.get(key) ?? resolve(key.split('.'), index);
    if (known !== undefined) found.set(key, known);
    return known?.field;
  };

  const valuesOf = (id: FieldValue | undefined): RecordValues | undefined => {
    const user = org.users.find((each) => each.id === id);
    if (user !== undefined)
      return { Id: user.id, Name: user.name, Username: user.username, Email: user.email };
    const record = typeof id === 'string' ? org.record(id) : undefined;
    return record?.isDeleted === false ? record.values : undefined;
  };

  const join = (record: OrgRecord): OrgRecord => {
    const joined: Record<string, FieldValue> = {};
    for (const { field, references, source } of found.values()) {
      let values: RecordValues | undefined = record.values;
      let path = '';
      for (const reference of references) {
        values = valuesOf(values?.[reference.name]);
        path += `${relationshipName(reference)}.`;
        joined[`${path}Id`] = values?.['Id'] ?? null;
      }
      joined[field.name] = values?.[source] ?? null;
    }
    return { ...record, values: { ...record.values, ...joined } };
  };

  return {
    index: { ...index, find },
    joined: (records) => (found.size === 0 ? records : map(records, join)),
  };
};

/** `Owner` of `OwnerId`, `Partner__r` of `Partner__c`; null for a field that is not a reference. */
export const relationshipName = ({ name, type }: FieldDefinition): string | null => {
  if (type !== 'reference') return null;
  return name.endsWith('__c') ? name.replace(/c$/, 'r') : name.replace(/Id$/, '');
};

const resolve = (path: readonly string[], index: FieldIndex): ParentField | undefined => {
  const references: FieldDefinition[] = [];
  let object = 'Account';
  for (const relationship of path.slice(0, -1)) {
    const reference = fieldsOf(object, index).find(
      (field) => relationshipName(field)?.toLowerCase() === relationship,
    );
    if (reference === undefined || references.length === MAX_DEPTH) return undefined;
    references.push(reference);
    [object = ''] = reference.referenceTo;
  }
  const target = fieldsOf(object, index).find(({ name }) => name.toLowerCase() === path.at(-1));
  if (target === undefined || isCompound(target)) return undefined;
  const name = [...references.map(relationshipName), target.name].join('.');
  return { field: { ...target, name, compoundFieldName: null }, references, source: target.name };
};

const fieldsOf = (object: string, index: FieldIndex): readonly FieldDefinition[] =>
  object === 'Account' ? index.fields : object === 'User' ? USER_FIELDS : [];

const USER_FIELDS = [
  defineField({ name: 'Id', type: 'id' }),
  defineField({ name: 'Name', type: 'string' }),
  defineField({ name: 'Username', type: 'string' }),
  defineField({ name: 'Email', type: 'email' }),
];

function* map(records: Iterable<OrgRecord>, change: (record: OrgRecord) => OrgRecord) {
  for (const record of records) yield change(record);
}

/** Salesforce follows at most five relationships. */
const MAX_DEPTH = 5;

type ParentField = {
  /** The name is the path. */
  readonly field: FieldDefinition;
  readonly references: readonly FieldDefinition[];
  /** The name of the field in the last parent. */
  readonly source: string;
};

export type ParentOrg = Pick<Org, 'record' | 'users'>;

export type ParentFields = {
  readonly index: FieldIndex;
  /** The records with the values of the fields that were found. */
  joined(records: Iterable<OrgRecord>): Iterable<OrgRecord>;
};
