import { foldedNameSql } from '../../db/field-indexes.ts';
import { Prisma } from '../../db/generated/client.ts';
import { textsIndex } from '../../db/wanted-indexes.ts';
import { invalid } from '../problem.ts';
import type { AccountQuery } from '../schemas/account-query.ts';
import { readTime } from '../schemas/parse-time.ts';
import type { KeysetOrder } from './keyset.ts';
import type { LookUp } from './search-page.ts';

/** A condition that the accounts of a list have to meet. */
export type AccountFilter = {
  readonly sql: Prisma.Sql;
  /** Where it is a range of the order by that member, which then needs no search. */
  readonly bounds?: 'name' | 'changedAt';
  /** The same condition of a row of `account_texts`, where that has all it needs. */
  readonly ofText?: Prisma.Sql;
  /** Whether most accounts meet it. */
  readonly isCommon?: boolean;
  /** What is looked for, where the index of all text finds it. */
  readonly search?: string;
};

/** What the parameters ask for, beside `deleted`. */
export function accountFilters(query: AccountQuery): AccountFilter[] {
  const { name, q, accountNumber, signupCode, updatedSince, stale, codeState } = query;
  const filters: AccountFilter[] = [];
  if (name !== undefined) filters.push(...nameFilters(name));
  if (q !== undefined) filters.push(...textFilters(q));
  if (accountNumber !== undefined) filters.push({ sql: Prisma.sql`account_number = ${accountNumber}` });
  if (signupCode !== undefined) filters.push({ sql: Prisma.sql`signup_code = ${signupCode}` });
  if (updatedSince !== undefined) filters.push(sinceFilter(updatedSince));
  if (stale === true) filters.push({ sql: Prisma.sql`stale_version IS NOT NULL` });
  if (stale === false) filters.push({ sql: Prisma.sql`stale_version IS NULL` });
  if (codeState !== undefined) filters.push({ sql: Prisma.sql`code_state = ${codeState}` });
  return filters;
}

function sinceFilter(updatedSince: string): AccountFilter {
  const since = readTime('updatedSince', updatedSince).toISOString();
  return { sql: Prisma.sql`changed_at >= ${since}::timestamptz`, bounds: 'changedAt' };
}

/** `Acme`, `Acme*`, `*Acme` or `*Acme*`. */
function nameFilters(name: string): AccountFilter[] {
  const [, before, middle = '', after] = /^(\*?)(.*?)(\*?)$/s.exec(name) ?? [];
  if (middle === '') return [{ sql: Prisma.sql`name IS NOT NULL`, bounds: 'name' }];
  if (before === '' && after === '') {
    return [ofName((foldedName) => Prisma.sql`${foldedName} = fold_case(${name})`, 'name')];
  }
  if (before === '') return [beginning(middle)];
  const pattern = `%${literal(middle)}${after === '*' ? '%' : ''}`;
  // A part of a name is found by the index of all searched text, of which the name is one.
  return [contains(middle), ofName((foldedName) => Prisma.sql`${foldedName} LIKE fold_case(${pattern})`)];
}

function beginning(text: string): AccountFilter {
  return ofName((foldedName) => Prisma.sql`${foldedName} LIKE fold_case(${`${literal(text)}%`})`, 'name');
}

function ofName(condition: (foldedName: Prisma.Sql) => Prisma.Sql, bounds?: 'name'): AccountFilter {
  const ofText = condition(Prisma.raw(nameOfText));
  return { sql: condition(Prisma.raw(foldedNameSql)), ofText, ...(bounds && { bounds }) };
}

/** Every word has to be somewhere. Where no word is long enough for the index, the name begins with the text. */
function textFilters(q: string): AccountFilter[] {
  const words = q.split(/\s+/u).filter((word) => word !== '');
  if (words.length > maxWords) throw invalid('q', `must not have more than ${maxWords} words`);
  if (words.length === 0) throw invalid('q', 'must have a word');
  return words.some(isLong) ? words.map(contains) : [beginning(words.join(' '))];
}

// Trigrams are of three characters, one of them a letter or a digit at least.
function isLong(word: string): boolean {
  return [...word].length >= 3 && /[\p{L}\p{N}]/u.test(word);
}

const maxWords = 10;

function contains(text: string): AccountFilter {
  const sql = Prisma.sql`search_text LIKE fold_case(${`%${literal(text)}%`})`;
  return { sql, ofText: sql, search: text };
}

/** How accounts are looked up in the narrow table of texts, where that has all the conditions and the order. */
export function lookUpOfText(filters: readonly AccountFilter[], order: KeysetOrder): LookUp | undefined {
  const { by, descending } = order;
  const texts = filters.flatMap(({ ofText }) => ofText ?? []);
  const [searched] = filters.flatMap(({ search }) => search ?? []);
  const isWithin = texts.length === filters.length && (by === undefined || by.sql === foldedNameSql);
  // A name and a beginning have an index of `accounts`, which finds fewer than the text does.
  const isOfName = filters.some(({ bounds }) => bounds === 'name');
  if (searched === undefined || !isWithin || isOfName) return undefined;
  return {
    table: Prisma.sql`account_texts`,
    index: textsIndex,
    where: texts,
    order: {
      ...(by && { by: { sql: nameOfText, type: 'text' } }),
      id: { sql: 'account_id', type: 'text' },
      descending,
    },
    // Who looks for a word by name most often means names that begin with it.
    ...(by && { likely: beginning(searched).sql }),
  };
}

const nameOfText = 'folded_name';

/** The text as a pattern that fits nothing else. */
function literal(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}
