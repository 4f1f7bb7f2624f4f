import { type QueryError, queryErrorAt } from './query-error.ts';

/** Splits a query into tokens; the last one is `end`. Throws MALFORMED_QUERY for other characters. */
export const tokenize = (text: string): Token[] => {
  const tokens: Token[] = [];
  let position = skipSpace(text, 0);
  while (position < text.length) {
    const token = readToken(text, position);
    tokens.push(token);
    position = skipSpace(text, token.end);
  }
  tokens.push({ kind: 'end', text: '<EOF>', position, end: position });
  return tokens;
};

const readToken = (text: string, position: number): Token => {
  if (text[position] === "'") return readString(text, position);
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = position;
    const match = pattern.exec(text);
    if (match) return { kind, text: match[0], position, end: pattern.lastIndex };
  }
  throw queryErrorAt('MALFORMED_QUERY', `unexpected char: '${text[position]}'`, text, position);
};

/** The text of a string token is the text between the quotes with its escapes, which LIKE parses differently. */
const readString = (text: string, position: number): Token => {
  let at = position + 1;
  while (at < text.length && text[at] !== "'") at += text[at] === '\\' ? 2 : 1;
  if (at >= text.length) {
    throw queryErrorAt(
      'MALFORMED_QUERY',
      "mismatched character '<EOF>' expecting '''",
      text,
      Math.min(position, text.length),
    );
  }
  return { kind: 'string', text: text.slice(position + 1, at), position, end: at + 1 };
};

const skipSpace = (text: string, position: number): number => {
  space.lastIndex = position;
  space.exec(text);
  return space.lastIndex;
};

const space = /\s*/y;

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['datetime', /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})/iy],
  ['time', /\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/iy],
  ['date', /\d{4}-\d{2}-\d{2}(?![\dT])/y],
  ['number', /[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?!\w)/iy],
  ['word', /[a-z_][\w.]*(?::\d+)?/iy],
  ['symbol', /!=|<>|<=|>=|[=<>(),]/y],
];

/** Reads the tokens of a query with one token of lookahead. Keywords are case-insensitive. */
export class TokenReader {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #index = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = tokenize(text);
  }

  get current(): Token {
    const token = this.#tokens[this.#index];
    if (!token) throw new Error('the end of the query was passed');
    return token;
  }

  next(): Token {
    const token = this.current;
    if (token.kind !== 'end') this.#index += 1;
    return token;
  }

  /** Whether the current token is this keyword or symbol. */
  is(text: string): boolean {
    const { kind } = this.current;
    return (kind === 'word' || kind === 'symbol') && this.current.text.toUpperCase() === text;
  }

  /** Whether the token at this distance from the current one is this symbol. */
  isBefore(symbol: string, distance = 1): boolean {
    const token = this.#tokens[this.#index + distance];
    return token?.kind === 'symbol' && token.text === symbol;
  }

  take(text: string): boolean {
    const found = this.is(text);
    if (found) this.next();
    return found;
  }

  expect(text: string): Token {
    if (!this.is(text)) throw this.unexpected(text);
    return this.next();
  }

  word(): Token {
    if (this.current.kind !== 'word') throw this.unexpected();
    return this.next();
  }

  unexpected(expected?: string): QueryError {
    const { kind, text } = this.current;
    const found = kind === 'string' ? `'${text}'` : text;
    const wanted = expected ? `expecting '${expected}', found '${found}'` : `unexpected token: '${found}'`;
    return this.malformed(wanted);
  }

  malformed(message: string, position = this.current.position): QueryError {
    return queryErrorAt('MALFORMED_QUERY', message, this.#text, position);
  }
}

type TokenKind = 'word' | 'string' | 'number' | 'date' | 'datetime' | 'time' | 'symbol' | 'end';

export type Token = {
  readonly kind: TokenKind;
  readonly text: string;
  readonly position: number;
  readonly end: number;
};
