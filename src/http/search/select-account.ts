import type { Static } from 'typebox';
import { invalid } from '../problem.ts';
import { AccountSchema, type ListedAccountSchema } from '../schemas/account.ts';

/** The selected members of an account, and paths in its `fields`. */
export type Selection = {
  readonly members: ReadonlySet<string>;
  /** `Industry`, `BillingAddress.City`. If empty, a selected `fields` is complete. */
  readonly fields: readonly (readonly [top: string, part?: string])[];
};

/**
 * Parses the parameter `select`; null without it.
 * @throws Problem 400 naming an unknown member or field
 */
export function parseSelection(select: string | undefined, fieldNames: readonly string[]): Selection | null {
  if (select === undefined) return null;
  const names = select.split(',');
  const unknown = names.find((name) => !isKnown(name, fieldNames));
  if (unknown !== undefined)
    throw invalid('select', `contains "${unknown}", which is not a member of an account`);
  const members = new Set(['id', ...names.filter((name) => !name.includes('.'))]);
  const fields = names.filter((name) => name.startsWith('fields.')).map((name) => pathOf(name));
  return { members, fields };
}

export function omitsFields(selection: Selection | null): boolean {
  return selection !== null && selection.fields.length === 0 && !selection.members.has('fields');
}

export function selectMembers(account: Account, selection: Selection): ListedAccount {
  const members = Object.entries(account).flatMap(([name, value]) => {
    if (selection.members.has(name)) return [[name, value]];
    const isPartial = name === 'fields' && selection.fields.length > 0;
    return isPartial ? [[name, selectFields(account.fields, selection.fields)]] : [];
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

// Without a known schema every field is allowed.
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
