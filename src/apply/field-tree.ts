import type { FieldValues, Scalar } from '../salesforce/change-event.ts';

/** Field values in the form of the JSON column: a compound field is an object of its non-empty parts, or null. */
export type FieldTree = { [name: string]: Scalar | { [part: string]: Scalar } };

/** `BillingAddress.City` → `{ BillingAddress: { City } }` */
export function toTree(values: FieldValues): FieldTree {
  const tree: FieldTree = {};
  for (const [path, value] of values) {
    const [name = '', part] = path.split('.');
    if (part === undefined) {
      // An event can contain both a field and its parts (business and person names): the one with a value wins.
      if (value !== null || tree[name] === undefined) tree[name] = value;
    } else {
      const compound = tree[name] ?? null;
      if (value === null) tree[name] = compound;
      else if (typeof compound === 'object' && compound !== null) compound[part] = value;
      else tree[name] = { [part]: value };
    }
  }
  return tree;
}

/** The inverse of {@link toTree}, except for empty parts, which a tree does not contain. */
export function fromTree(tree: FieldTree): Map<string, Scalar> {
  const values = new Map<string, Scalar>();
  for (const [name, value] of Object.entries(tree)) {
    if (typeof value !== 'object' || value === null) values.set(name, value);
    else for (const [part, content] of Object.entries(value)) values.set(`${name}.${part}`, content);
  }
  return values;
}
