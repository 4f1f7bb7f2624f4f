import { accountFields } from './account-fields.ts';
import { defineField } from './define-field.ts';
import type { FieldDefinition } from './model.ts';

/** The fields of Account in this org. Names are found without regard to case, as the API does. */
export function createFieldCatalog(): FieldCatalog {
  let fields: readonly FieldDefinition[] = [];
  let byName: ReadonlyMap<string, FieldDefinition> = new Map();

  function use(next: readonly FieldDefinition[]): void {
    fields = next;
    byName = new Map(next.map((field) => [field.name.toLowerCase(), field]));
  }
  use(accountFields());

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
  };
}

export type FieldCatalog = {
  all(): readonly FieldDefinition[];
  find(name: string): FieldDefinition | undefined;
  /** Throws when the name is taken. */
  add(field: NewField): FieldDefinition;
};

export type NewField = Partial<FieldDefinition> & Pick<FieldDefinition, 'name' | 'type'>;
