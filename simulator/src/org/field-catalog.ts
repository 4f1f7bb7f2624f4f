import { defineField } from './define-field.ts';
import type { FieldDefinition } from './model.ts';

/** The fields of Account in this org, those it has from the start first. Names are found without regard to case, as the API does. */
export function createFieldCatalog(initial: readonly FieldDefinition[]): FieldCatalog {
  let fields: readonly FieldDefinition[] = [];
  let byName: ReadonlyMap<string, FieldDefinition> = new Map();

  function use(next: readonly FieldDefinition[]): void {
    fields = next;
    byName = new Map(next.map((field) => [field.name.toLowerCase(), field]));
  }
  use(initial);

  function customField(name: string): FieldDefinition {
    const field = byName.get(name.toLowerCase());
    if (field?.custom) return field;
    throw new Error(`Account has no custom field ${name}`);
  }

  return {
    all: () => fields,
    find: (name) => byName.get(name.toLowerCase()),
    add(partial) {
      if (byName.has(partial.name.toLowerCase()))
        throw new Error(`Account already has a field ${partial.name}`);
      const field = defineField(partial);
      use([...fields, field]);
      return field;
    },
    change(name, change) {
      const old = customField(name);
      const { custom, label, name: exactName } = old;
      const field = defineField({ custom, label, ...change, name: exactName });
      use(fields.map((each) => (each === old ? field : each)));
      return { old, field };
    },
    remove(name) {
      const old = customField(name);
      use(fields.filter((each) => each !== old));
      return old;
    },
  };
}

export type FieldCatalog = {
  all(): readonly FieldDefinition[];
  find(name: string): FieldDefinition | undefined;
  /** Throws when the name is taken. */
  add(field: NewField): FieldDefinition;
  /** Gives a custom field another type in its place. Throws when there is none of this name. */
  change(name: string, change: FieldChange): { old: FieldDefinition; field: FieldDefinition };
  /** Throws when there is no custom field of this name. */
  remove(name: string): FieldDefinition;
};

export type FieldChange = Partial<FieldDefinition> & Pick<FieldDefinition, 'type'>;

export type NewField = Partial<FieldDefinition> & Pick<FieldDefinition, 'name' | 'type'>;
