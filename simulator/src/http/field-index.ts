import type { FieldDefinition, Org } from '../org/model.ts';

/** Finds fields by case-insensitive name. */
export const fieldIndex = (org: Pick<Org, 'fields'>): FieldIndex => {
  const fields = org.fields();
  const known = indexes.get(org);
  if (known && known.fields === fields) return known;
  const byName = new Map(fields.map((field) => [field.name.toLowerCase(), field]));
  const parts = Map.groupBy(fields, (field) => field.compoundFieldName);
  const index: FieldIndex = {
    fields,
    find: (name) => byName.get(name.toLowerCase()),
    partsOf: (compound) => parts.get(compound) ?? [],
  };
  indexes.set(org, index);
  return index;
};

/** The org returns the same list until a field changes. */
const indexes = new WeakMap<object, FieldIndex>();

export type FieldIndex = {
  readonly fields: readonly FieldDefinition[];
  find(name: string): FieldDefinition | undefined;
  /** The parts of a compound field: `BillingCity`, … of `BillingAddress`. */
  partsOf(compound: string): readonly FieldDefinition[];
};
