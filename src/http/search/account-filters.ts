import { Prisma } from '../../db/generated/client.ts';
import { foldedNameSql } from '../../mirror/field-indexes.ts';
import { textsIndex } from '../../mirror/wanted-indexes.ts';
import { invalid } from '../problem.ts';
import type { AccountQuery } from '../schemas/account-query.ts';
import { parseTimeParameter } from '../schemas/parse-parameters.ts';
import type { KeysetOrder } from './keyset.ts';
import type { CandidateTable } from './search-page.ts';

/** A condition on the accounts of a list. */
export type AccountFilter = {
  readonly sql: Prisma.Sql;
  /** The sort member for which the condition is a range of the order, so that no search is needed. */
  readonly bounds?: 'name' | 'changedAt';
  /** The same condition on `account_texts`, if that table has the columns. */
  readonly textSql?: Prisma.Sql;
  /** Whether most accounts match. */
  readonly isCommon?: boolean;
  /** The text to find with the index of all searched text. */
  readonly search?: string;
};

/** The conditions of all parameters except `deleted` and `fields`. */
export function accountFilters(query: AccountQuery): AccountFilter[] {
  const { name, q, accountNumber, signupCode, updatedSince, stale, codeState } = query;
  const filters: AccountFilter[] = [];
  if (name !== undefined) filters.push(...nameFilters(name));
  if (q !== undefined) filters.push(...textFilters(q));
  if (accountNumber !== undefined) filters.push({ sql: Prisma.sql`account_number = ${accountNumber}` });
  if (signupCode !== undefined) filters.push({ sql: heldCode(signupCode) });
  if (updatedSince !== undefined) filters.push(sinceFilter(updatedSince));
  if (stale === true) filters.push({ sql: Prisma.sql`stale_version IS NOT NULL` });
  if (stale === false) filters.push({ sql: Prisma.sql`stale_version IS NULL` });
  if (codeState !== undefined) filters.push({ sql: Prisma.sql`(code).state = ${codeState}` });
  return filters;
}

/** The first condition is found by an index. */
function heldCode(signupCode: string): Prisma.Sql {
  return Prisma.sql`((code).code = ${signupCode} AND signup_code IS NOT NULL)`;
}

function sinceFilter(updatedSince: string): AccountFilter {
  const since = parseTimeParameter('updatedSince', updatedSince).toISOString();
  return { sql: Prisma.sql`changed_at >= ${since}::timestamptz`, bounds: 'changedAt' };
}

/** `Acme`, `Acme*`, `*Acme` or `*Acme*`. */
function nameFilters(name: string): AccountFilter[] {
  const [, before, middle = '', after] = /^(\*?)(.*?)(\*?)$/s.exec(name) ?? [];
  if (middle === '') return [{ sql: Prisma.sql`name IS NOT NULL`, bounds: 'name' }];
  if (before === '' && after === '') {
    return [nameCondition((foldedName) => Prisma.sql`${foldedName} = fold_case(${name})`, 'name')];
  }
  if (before === '') return [namePrefix(middle)];
  const pattern = `%${escapePattern(middle)}${after === '*' ? '%' : ''}`;
  // The index of all searched text includes the name.
  return [
    contains(middle),
    nameCondition((foldedName) => Prisma.sql`${foldedName} LIKE fold_case(${pattern})`),
  ];
}

function namePrefix(text: string): AccountFilter {
  return nameCondition(
    (foldedName) => Prisma.sql`${foldedName} LIKE fold_case(${`${escapePattern(text)}%`})`,
    'name',
  );
}

function nameCondition(condition: (foldedName: Prisma.Sql) => Prisma.Sql, bounds?: 'name'): AccountFilter {
  const textSql = condition(Prisma.raw(textNameColumn));
  return { sql: condition(Prisma.raw(foldedNameSql)), textSql, ...(bounds && { bounds }) };
}

/** Every word has to match. If no word is long enough for the index, the name has to begin with the text. */
function textFilters(q: string): AccountFilter[] {
  const words = q.split(/\s+/u).filter((word) => word !== '');
  if (words.length > maxWords) throw invalid('q', `must not have more than ${maxWords} words`);
  if (words.length === 0) throw invalid('q', 'must contain a word');
  return words.some(isIndexable) ? words.map(contains) : [namePrefix(words.join(' '))];
}

// A trigram has three characters, at least one of which is a letter or a digit.
function isIndexable(word: string): boolean {
  return [...word].length >= 3 && /[\p{L}\p{N}]/u.test(word);
}

const maxWords = 10;

function contains(text: string): AccountFilter {
  const sql = Prisma.sql`search_text LIKE fold_case(${`%${escapePattern(text)}%`})`;
  return { sql, textSql: sql, search: text };
}

/** The narrow table of texts, if it has the columns of all conditions and of the order. */
export function candidateTextTable(
  filters: readonly AccountFilter[],
  order: KeysetOrder,
): CandidateTable | undefined {
  const { by, descending } = order;
  const conditions = filters.flatMap(({ textSql }) => textSql ?? []);
  const [searched] = filters.flatMap(({ search }) => search ?? []);
  const isCovered = conditions.length === filters.length && (by === undefined || by.sql === foldedNameSql);
  // For a name or its prefix, the name index of `accounts` is more selective than the text index.
  const hasNameRange = filters.some(({ bounds }) => bounds === 'name');
  if (searched === undefined || !isCovered || hasNameRange) return undefined;
  return {
    table: Prisma.sql`account_texts`,
    index: textsIndex,
    where: conditions,
    order: {
      ...(by && { by: { sql: textNameColumn, type: 'text', isNullable: true } }),
      id: { sql: 'account_id', type: 'text' },
      descending,
    },
    // A search sorted by name usually means names that begin with the word.
    ...(by && { probableRange: namePrefix(searched).sql }),
  };
}

const textNameColumn = 'folded_name';

/** Escapes the wildcards of LIKE. */
function escapePattern(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}
