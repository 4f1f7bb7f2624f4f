import { Prisma } from '../db/generated/client.ts';
import { invalid } from './problem.ts';
import type { AccountQuery } from './schemas/account-query.ts';
import { readTime } from './time.ts';

/** The filters of a list of accounts, all of which have to hold. */
export function accountFilters(query: AccountQuery): Prisma.Sql[] {
  const { name, q, accountNumber, signupCode, updatedSince, deleted = 'false', stale, codeState } = query;
  const where: Prisma.Sql[] = [];
  if (name !== undefined) where.push(nameFilter(name));
  if (q !== undefined) where.push(...textFilters(q));
  if (accountNumber !== undefined) where.push(Prisma.sql`account_number = ${accountNumber}`);
  if (signupCode !== undefined) where.push(Prisma.sql`signup_code = ${signupCode}`);
  if (updatedSince !== undefined) {
    const since = readTime('updatedSince', updatedSince).toISOString();
    where.push(Prisma.sql`changed_at >= ${since}::timestamptz`);
  }
  if (deleted !== 'all') where.push(deleted === 'true' ? Prisma.sql`deleted` : Prisma.sql`NOT deleted`);
  if (stale !== undefined) {
    where.push(stale ? Prisma.sql`stale_version IS NOT NULL` : Prisma.sql`stale_version IS NULL`);
  }
  if (codeState !== undefined) where.push(Prisma.sql`code_state = ${codeState}`);
  return where;
}

/** `Acme`, `Acme*`, `*Acme` or `*Acme*`. */
function nameFilter(name: string): Prisma.Sql {
  const [, before, middle = '', after] = /^(\*?)(.*?)(\*?)$/s.exec(name) ?? [];
  if (before === '' && after === '') return Prisma.sql`fold_case(name) = fold_case(${name})`;
  const pattern = `${before === '*' ? '%' : ''}${literal(middle)}${after === '*' ? '%' : ''}`;
  if (before === '') return Prisma.sql`fold_case(name) LIKE fold_case(${pattern})`;
  if (middle === '') return Prisma.sql`name IS NOT NULL`;
  // By the index of all searched text, of which the name is a part. Asking for the same in two ways makes the planner
  // believe that few rows fit, so the second is one that it takes for a common thing.
  return Prisma.sql`${contains(middle)} AND (fold_case(name) LIKE fold_case(${pattern})) IS TRUE`;
}

/** Every word has to be somewhere. Where no word is long enough for the index, the name begins with the text. */
function textFilters(q: string): Prisma.Sql[] {
  const words = q.split(/\s+/u).filter((word) => word !== '');
  if (words.length > mostWords) throw invalid('q', `must not have more than ${mostWords} words`);
  if (words.length === 0) throw invalid('q', 'must have a word');
  if (!words.some((word) => [...word].length >= shortestWord)) return [nameFilter(`${words.join(' ')}*`)];
  return words.map(contains);
}

// Trigrams are of three characters.
const shortestWord = 3;
const mostWords = 10;

function contains(text: string): Prisma.Sql {
  return Prisma.sql`search_text LIKE fold_case(${`%${literal(text)}%`})`;
}

/** The text as a pattern that fits nothing else. */
function literal(text: string): string {
  return text.replaceAll(/[\\%_]/g, '\\$&');
}
