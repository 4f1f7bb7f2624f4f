import type { FieldValues, Scalar } from '../salesforce/change-event.ts';
import type { SchemaField } from '../salesforce/writer-schema.ts';

/** A condition on the fields of an account: all comparisons must hold. */
export type CodeFilter = readonly Comparison[];

export type Comparison = {
  /** `Type`, `BillingAddress.City` */
  readonly path: string;
  /** Whether the value must be one of `values`, or must not be. */
  readonly among: boolean;
  readonly values: readonly Scalar[];
};

/**
 * Parses `Type = 'Customer' AND Rating IN ('Hot', 'Warm') AND ParentId = null`.
 *
 *     filter     = comparison { "AND" comparison }
 *     comparison = path ( "=" | "!=" ) value | path "IN" "(" value { "," value } ")"
 *     path       = name [ "." name ]
 *     value      = "'" text "'" | number | "true" | "false" | "null"
 *
 * In texts `\'` is a quote and `\\` a backslash. Keywords are case-insensitive; names and texts are not.
 * @throws Error with the expected and the actual token
 */
export function parseCodeFilter(text: string): CodeFilter {
  const tokens = tokenize(text);
  const comparisons = [parseComparison(tokens)];
  while (tokens.peek().kind !== 'end') {
    tokens.take('AND');
    comparisons.push(parseComparison(tokens));
  }
  return comparisons;
}

/** Values of an account by path. */
export type ValueLookup = Pick<FieldValues, 'get'>;

/** Whether an account with these values matches. A missing field is null. */
export function evaluateFilter(filter: CodeFilter, values: ValueLookup): boolean {
  return filter.every(({ path, among, values: wanted }) => {
    const value = values.get(path) ?? null;
    return wanted.some((each) => each === value) === among;
  });
}

/**
 * Checks the names of a filter: a misspelled field would always be null, and no account would get a code.
 * @param fields of change events
 * @throws Error that names the setting and the field
 */
export function checkFilter(filter: CodeFilter | null, fields: readonly SchemaField[]): void {
  const known = new Set(
    fields.flatMap(({ name, parts }) => [name, ...parts.map((part) => `${name}.${part}`)]),
  );
  const unknown = filter?.find(({ path }) => !known.has(path));
  if (unknown === undefined) return;
  throw new Error(`SIGNUP_CODE_FILTER: change events of Account have no field "${unknown.path}"`);
}

function parseComparison(tokens: Tokens): Comparison {
  const { text: path } = tokens.take('a field');
  const operator = tokens.next();
  if (operator.text === '=' || operator.text === '!=')
    return { path, among: operator.text === '=', values: [parseValue(tokens)] };
  if (operator.text.toUpperCase() !== 'IN') throw expected('=, != or IN', operator);
  tokens.take('(');
  const values = [parseValue(tokens)];
  while (tokens.peek().text === ',') {
    tokens.next();
    values.push(parseValue(tokens));
  }
  tokens.take(')');
  return { path, among: true, values };
}

function parseValue(tokens: Tokens): Scalar {
  const token = tokens.next();
  if (token.kind === 'text') return token.text;
  if (token.kind === 'number') return Number(token.text);
  const literal = literals.get(token.kind === 'word' ? token.text.toLowerCase() : '');
  if (literal === undefined) throw expected("a value ('text', a number, true, false or null)", token);
  return literal;
}

const literals = new Map<string, Scalar>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

function tokenize(text: string): Tokens {
  const found: Token[] = [];
  const pattern =
    /\s*(?:'((?:[^'\\]|\\['\\])*)'|(-?\d+(?:\.\d+)?)(?![\w.])|([A-Za-z]\w*(?:\.\w+)?)|(!=|[=(),]))/y;
  while (pattern.lastIndex < text.trimEnd().length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (match === null) throw new Error(`"${text.slice(at).trim()}" is not valid`);
    const [, quoted, number, word, sign = ''] = match;
    if (quoted !== undefined) found.push({ kind: 'text', text: quoted.replace(/\\(.)/g, '$1') });
    else if (number !== undefined) found.push({ kind: 'number', text: number });
    else if (word !== undefined) found.push({ kind: 'word', text: word });
    else found.push({ kind: 'sign', text: sign });
  }
  const end: Token = { kind: 'end', text: '' };
  const next = (): Token => found.shift() ?? end;
  return {
    peek: () => found[0] ?? end,
    next,
    take(what) {
      const token = next();
      const fits = what === 'a field' ? token.kind === 'word' : token.text.toUpperCase() === what;
      if (!fits) throw expected(what, token);
      return token;
    },
  };
}

function expected(what: string, { kind, text }: Token): Error {
  return new Error(`${what} is expected ${kind === 'end' ? 'at the end' : `instead of "${text}"`}`);
}

type Token = { readonly kind: 'text' | 'number' | 'word' | 'sign' | 'end'; readonly text: string };
type Tokens = { peek(): Token; next(): Token; take(what: string): Token };
