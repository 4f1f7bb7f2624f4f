/** A JSON value with all its digits: a whole number beyond 2^53 is a bigint. Objects are Maps: no name means anything. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** Why a text is not taken, and where. */
export class JsonError extends Error {
  /** Of characters, from 0. */
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;

  constructor(reason: string, text: string, offset: number) {
    const line = text.slice(0, offset).split('\n').length;
    const column = offset - text.lastIndexOf('\n', offset - 1);
    super(`${reason} at line ${line}, column ${column}`);
    this.name = 'JsonError';
    this.offset = offset;
    this.line = line;
    this.column = column;
  }
}

const deepest = 32;
// What a double or a 64-bit integer can hold takes far fewer.
const longestNumber = 400;
const forbiddenNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses JSON in one pass: with all digits of whole numbers, at most 32 levels deep, without names that occur twice or
 * that mean something to JavaScript.
 *
 * @throws JsonError
 */
export function parseExactJson(text: string): Json {
  const reader = new Reader(text);
  const value = reader.value(0);
  reader.end();
  return value;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  value(depth: number): Json {
    if (depth > deepest) throw this.#error(`it is nested more than ${deepest} levels deep`);
    this.#skipSpace();
    const first = this.#text[this.#at];
    switch (first) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error('there is something behind the end');
  }

  #object(depth: number): JsonObject {
    const members = new Map<string, Json>();
    this.#at++;
    if (this.#takes('}')) return members;
    do {
      this.#skipSpace();
      const start = this.#at;
      if (this.#text[start] !== '"') throw this.#error('a name is expected');
      const name = this.#string();
      if (forbiddenNames.has(name)) throw this.#error(`the name "${name}" is not allowed`, start);
      if (members.has(name)) throw this.#error('a name occurs twice in one object', start);
      if (!this.#takes(':')) throw this.#error('":" is expected');
      members.set(name, this.value(depth + 1));
    } while (this.#takes(','));
    if (!this.#takes('}')) throw this.#error('"," or "}" is expected');
    return members;
  }

  #array(depth: number): Json[] {
    const items: Json[] = [];
    this.#at++;
    if (this.#takes(']')) return items;
    do items.push(this.value(depth + 1));
    while (this.#takes(','));
    if (!this.#takes(']')) throw this.#error('"," or "]" is expected');
    return items;
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (let at = start + 1; ; at++) {
      const code = this.#text.charCodeAt(at);
      if (Number.isNaN(code)) throw this.#error('a text does not end', start);
      if (code < 0x20) throw this.#error('a control character stands in a text', at);
      if (code === backslash) {
        escaped = true;
        at++;
      } else if (code === quote) {
        this.#at = at + 1;
        const raw = this.#text.slice(start + 1, at);
        return escaped ? this.#unescape(raw, start) : raw;
      }
    }
  }

  #unescape(raw: string, start: number): string {
    try {
      const text: unknown = JSON.parse(`"${raw}"`);
      if (typeof text === 'string') return text;
    } catch {}
    throw this.#error('an escape in a text is not valid', start);
  }

  #number(): number | bigint {
    numberForm.lastIndex = this.#at;
    const [literal] = numberForm.exec(this.#text) ?? [];
    if (literal === undefined) {
      throw this.#error(this.#at < this.#text.length ? 'a value is expected' : 'it ends too early');
    }
    if (literal.length > longestNumber) throw this.#error('a number has too many digits');
    const number = Number(literal);
    if (!Number.isFinite(number)) throw this.#error('a number is too large');
    const exact = /[.eE]/.test(literal) || Number.isSafeInteger(number) ? number : BigInt(literal);
    this.#at += literal.length;
    return exact;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#error('a value is expected');
    this.#at += word.length;
    return value;
  }

  #takes(sign: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #skipSpace(): void {
    for (let code = this.#text.charCodeAt(this.#at); spaces.has(code); ) {
      code = this.#text.charCodeAt(++this.#at);
    }
  }

  #error(reason: string, offset = this.#at): JsonError {
    return new JsonError(reason, this.#text, offset);
  }
}

const quote = 0x22;
const backslash = 0x5c;
const spaces: ReadonlySet<number> = new Set([0x20, 0x0a, 0x0d, 0x09]);
const numberForm = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** The same text for the same content, however it was written: names in order, no space, all digits. */
export function canonicalJson(value: Json): string {
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (value instanceof Map) {
    const members = [...value].sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join(',')}}`;
  }
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
}

export function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}
