import { type QueryError, queryErrorAt } from './query-error.ts';
import { type Token, tokenize } from './tokenize.ts';

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
