import type { Static } from 'typebox';
import { invalid } from '../problem.ts';
import { AccountSchema, type ListedAccountSchema } from '../schemas/account.ts';

/** What a list shows of each account: members of an account, and paths among its fields. */
export type Selection = {
  readonly members: ReadonlySet<string>;
  /** `Industry`, `BillingAddress.City`; without any, `fields` is shown whole if it is among the members. */
  readonly fields: readonly (readonly [top: string, part?: string])[];
};

/**
 * Reads the parameter `select`; null where it is not given, and everything is shown.
 * @throws Problem 400 naming what there is not
 */
export function readSelection(select: string | undefined, fieldNames: readonly string[]): Selection | null {
  if (select === undefined) return null;
  const names = select.split(',');
  const unknown = names.find((name) => !isKnown(name, fieldNames));
  if (unknown !== undefined)
    throw invalid('select', `names ${unknown || 'nothing'}, which an account does not have`);
  const members = new Set(['id', ...names.filter((name) => !name.includes('.'))]);
  const fields = names.filter((name) => name.startsWith('fields.')).map((name) => pathOf(name));
  return { members, fields };
}

/** Whether a row is shown without its `fields`, which are the greater part of it. */
export function omitsFields(selection: Selection | null): boolean {
  return selection !== null && selection.fields.length === 0 && !selection.members.has('fields');
}

export function selectFrom(account: Account, selection: Selection | null): ListedAccount {
  if (selection === null) return account;
  const members = Object.entries(account).flatMap(([name, value]) => {
    if (selection.members.has(name)) return [[name, value]];
    const isInPart = name === 'fields' && selection.fields.length > 0;
    return isInPart ? [[name, selectFields(account.fields, selection.fields)]] : [];
  });
  return { id: account.id, ...Object.fromEntries(members) };
}

function selectFields(fields: Account['fields'], paths: Selection['fields']): Record<string, unknown> {
  const selected: Record<string, unknown> = {};
  const parts = new Map<string, Record<string, unknown>>();
  for (const [top, part] of paths) {
    const value = fields[top] ?? null;
    if (part === undefined || value === null || typeof value !== 'object') {
      selected[top] = value;
      parts.delete(top);
    } else if (!(top in selected) || parts.has(top)) {
      const some = parts.get(top) ?? {};
      some[part] = new Map<string, unknown>(Object.entries(value)).get(part) ?? null;
      parts.set(top, some);
      selected[top] = some;
    }
  }
  return selected;
}

// Fields that no schema names may be there all the same: removed ones keep their values.
function isKnown(name: string, fieldNames: readonly string[]): boolean {
  if (Object.hasOwn(AccountSchema.properties, name)) return true;
  if (!/^fields\.[A-Za-z]\w*(?:\.[A-Za-z]\w*)?$/.test(name)) return false;
  const [top] = pathOf(name);
  return fieldNames.length === 0 || fieldNames.includes(top);
}

function pathOf(name: string): readonly [string, string?] {
  const [, top = '', part] = name.split('.');
  return part === undefined ? [top] : [top, part];
}

type Account = Static<typeof AccountSchema>;
type ListedAccount = Static<typeof ListedAccountSchema>;
