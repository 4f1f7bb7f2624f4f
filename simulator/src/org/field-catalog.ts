import { isCompound, locationParts } from './compound-fields.ts';
import type { FieldDefinition, FieldType, FieldValue } from './model.ts';
import { mintId } from './record-id.ts';

/** The fields of Account, the initial ones first. Names are case-insensitive. */
export function createFieldCatalog(initial: readonly FieldDefinition[]) {
  let fields: readonly FieldDefinition[] = [];
  let byName: ReadonlyMap<string, FieldDefinition> = new Map();

  function use(next: readonly FieldDefinition[]): void {
    fields = next;
    byName = new Map(next.map((field) => [field.name.toLowerCase(), field]));
  }
  let customFields = 0;
  const identified = (field: FieldDefinition): FieldDefinition =>
    field.custom ? { ...field, fieldId: mintId('00N', ++customFields).slice(0, 15) } : field;
  use(initial.map(identified));

  function customField(name: string): FieldDefinition {
    const field = byName.get(name.toLowerCase());
    if (field?.custom) return field;
    throw new Error(`Account has no custom field ${name}`);
  }

  return {
    all: () => fields,
    find: (name: string) => byName.get(name.toLowerCase()),
    /** Adds a custom field, or one of the standard fields that an org may have. Throws if the name is in use. */
    add(partial: NewField): FieldDefinition {
      if (byName.has(partial.name.toLowerCase()))
        throw new Error(`Account already has a field ${partial.name}`);
      const field = identified(defineField(partial));
      const after = fields.findIndex(({ name }) => name === PRECEDING_FIELDS[field.name]) + 1;
      const parts = field.type === 'location' ? locationParts(field).map(partOf(field)) : [];
      use(fields.toSpliced(after || fields.length, 0, field, ...parts));
      return field;
    },
    /** Changes the definition of a custom field, which keeps its id. Throws if there is none of this name, or for a location. */
    change(name: string, change: FieldChange) {
      const old = customField(name);
      if (isCompound(old) || isCompound(change)) throw new Error(`the type of ${name} cannot be changed`);
      const { custom, fieldId, label, name: exactName } = old;
      const field = defineField({ custom, label, ...change, fieldId, name: exactName });
      use(fields.map((each) => (each === old ? field : each)));
      return { old, field };
    },
    /** Removes a custom field and its parts, and returns their names. Throws if there is none of this name. */
    remove(name: string): string[] {
      const old = customField(name);
      const removed = fields.filter((each) => each === old || each.compoundFieldName === old.name);
      use(fields.filter((each) => !removed.includes(each)));
      return removed.map((each) => each.name);
    },
  };
}

/** Latitude or longitude of a location. */
const partOf =
  ({ name: compoundFieldName }: FieldDefinition) =>
  (part: Pick<FieldDefinition, 'name' | 'label'>): FieldDefinition =>
    defineField({ ...part, type: 'double', precision: 18, scale: 15, custom: true, compoundFieldName });

/**
 * By name: the field before a standard field that an org has only with record types or multiple currencies. Adding
 * one moves the later fields in change events.
 */
const PRECEDING_FIELDS: Readonly<Record<string, string>> = { RecordTypeId: 'Type', CurrencyIsoCode: 'Site' };

/** A field with the defaults of its type. */
export function accountField(
  type: FieldType,
  name: string,
  label: string,
  properties: Partial<FieldDefinition> = {},
): FieldDefinition {
  return defineField({ type, name, label, ...properties });
}

export function defineField(
  field: Partial<FieldDefinition> & Pick<FieldDefinition, 'name' | 'type'>,
): FieldDefinition {
  return {
    label: field.name.replace(/__c$/, '').replaceAll('_', ' '),
    length: LENGTHS[field.type] ?? 0,
    precision: PRECISIONS[field.type] ?? 0,
    scale: 0,
    nillable: field.type !== 'boolean',
    createable: field.calculated !== true && !isCompound(field),
    updateable: field.calculated !== true && !isCompound(field),
    unique: false,
    externalId: false,
    custom: field.name.endsWith('__c'),
    defaultValue: field.type === 'boolean' ? false : null,
    calculated: false,
    fieldId: null,
    picklistValues: [],
    referenceTo: [],
    compoundFieldName: null,
    inChangeEvents: true,
    ...field,
  };
}

const LENGTHS: Partial<Record<FieldType, number>> = {
  id: 18,
  reference: 18,
  string: 255,
  textarea: 32_000,
  phone: 40,
  url: 255,
  email: 80,
  picklist: 255,
  multipicklist: 4099,
  encryptedstring: 175,
};
const PRECISIONS: Partial<Record<FieldType, number>> = { currency: 18, double: 18, percent: 18, int: 8 };

/**
 * Whether values survive a change of a custom field's type. Compatible types keep them without an event; other
 * types empty the field in every record, with one gap event for the whole object.
 * Source: "Field Conversion", Change Data Capture guide.
 */
export function conversionOf(from: FieldType, to: FieldType): Conversion {
  if (from === 'picklist' && to === 'multipicklist') return { keeps: true, hasGapEvent: true };
  const keeps = from === to || GROUPS.some((group) => group.includes(from) && group.includes(to));
  return { keeps, hasGapEvent: !keeps };
}

/** A kept value as the new type stores it. */
export function convertedValue(value: FieldValue, field: FieldDefinition): FieldValue {
  if (typeof value === 'string') return field.length > 0 ? value.slice(0, field.length) : value;
  if (typeof value !== 'number') return value;
  if (field.type === 'int') return Math.round(value);
  return field.type === 'date' ? Math.floor(value / DAY_MS) * DAY_MS : value;
}

const GROUPS: readonly (readonly FieldType[])[] = [
  ['string', 'textarea', 'phone', 'url', 'email', 'picklist'],
  ['int', 'double', 'currency', 'percent'],
  ['date', 'datetime'],
];
const DAY_MS = 86_400_000;

export type FieldCatalog = ReturnType<typeof createFieldCatalog>;

export type FieldChange = Partial<FieldDefinition> & Pick<FieldDefinition, 'type'>;

export type NewField = Partial<FieldDefinition> & Pick<FieldDefinition, 'name' | 'type'>;

type Conversion = {
  readonly keeps: boolean;
  /** Whether it causes a gap event. */
  readonly hasGapEvent: boolean;
};
