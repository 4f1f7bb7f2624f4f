import type { FieldValue } from '../org/model.ts';
import type { SimulatorOrg } from '../org/org.ts';

/** Creates an account whose event is about so many bytes long, in as many long text fields as it takes. */
export function writeHugeAccount(org: SimulatorOrg, characters: number): string {
  const values: Record<string, FieldValue> = { Name: `Huge, ${characters} characters` };
  for (let rest = characters, number = 1; rest > 0; number += 1) {
    const name = `LongText${number}__c`;
    if (org.field(name) === undefined) org.addField({ name, type: 'textarea', length: LONGEST_TEXT });
    const size = Math.min(rest, LONGEST_TEXT);
    values[name] = 'Lorem ipsum dolor sit amet\n'
      .repeat(Math.ceil(size / 27))
      .slice(0, size - 1)
      .concat('.');
    rest -= size;
  }
  const caller = { userId: org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
  const result = org.transaction(caller, (tx) => tx.insert(values));
  if (!result.success) throw new Error(result.errors[0]?.message ?? 'the huge account was refused');
  return result.id;
}

/** Of a long text area, in characters. */
const LONGEST_TEXT = 131_072;
