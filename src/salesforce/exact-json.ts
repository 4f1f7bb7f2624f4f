import { createYielder } from './yielder.ts';

/** A JSON value. Integers beyond 2^53 are bigints. Objects are Maps, so that no name has a meaning in JavaScript. */
export type Json = string | number | bigint | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** The reason why a text is refused, and the position. */
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

const maxDepth = 32;
// More than 500 events need; an empty object takes a hundred times as much memory as text.
const maxContainers = 20_000;
const maxValues = 500_000;
// More characters than a double or a 64-bit integer needs.
const maxNumberLength = 400;
// Characters in the source. Salesforce's longest texts have 131,072, and an escape takes six.
const maxTextLength = 1_000_000;
const forbiddenNames: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Parses JSON with all digits of integers, at most 32 levels deep, without duplicate names and names that have a meaning
 * in JavaScript.
 *
 * @throws JsonError
 */
export function parseExactJson(text: string): Json {
  const reader = new Reader(text);
  while (!reader.readNext());
  return reader.result();
}

/** The same for large texts; yields to the event loop. @throws JsonError */
export async function parseLargeJson(text: string): Promise<Json> {
  const reader = new Reader(text);
  const yieldIfDue = createYielder();
  for (let count = 1; !reader.readNext(); count++) {
    if (count % valuesBetweenYields === 0) await yieldIfDue();
  }
  return reader.result();
}

const valuesBetweenYields = 256;

type Frame =
  | { readonly members: Map<string, Json>; name: string }
  | { readonly items: Json[]; readonly members?: never };

/** Reads value by value with an explicit stack, so that it can be interrupted after each. */
class Reader {
  readonly #text: string;
  readonly #open: Frame[] = [];
  #at = 0;
  #value: Json = null;
  #values = 0;
  #containers = 0;

  constructor(text: string) {
    this.#text = text;
  }

  result(): Json {
    return this.#value;
  }

  /** Reads the next value, or the start of the next object or list. @returns whether the document is complete */
  readNext(): boolean {
    if (this.#open.length > maxDepth) throw this.#error(`it is nested more than ${maxDepth} levels deep`);
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (++this.#values > maxValues) throw this.#error(`it has more than ${maxValues} values`);
    if ((first === '{' || first === '[') && ++this.#containers > maxContainers)
      throw this.#error(`it has more than ${maxContainers} objects and lists`);
    if (first === '{') {
      this.#at++;
      const members = new Map<string, Json>();
      if (this.#takes('}')) return this.#complete(members);
      this.#open.push({ members, name: this.#name(members) });
      return false;
    }
    if (first === '[') {
      this.#at++;
      if (this.#takes(']')) return this.#complete([]);
      this.#open.push({ items: [] });
      return false;
    }
    return this.#complete(this.#scalar(first));
  }

  #scalar(first: string | undefined): Json {
    switch (first) {
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

  /** Adds a value to its container and closes the containers that end after it. */
  #complete(complete: Json): boolean {
    for (let value = complete; ; ) {
      const frame = this.#open.at(-1);
      if (frame === undefined) {
        this.#value = value;
        this.#end();
        return true;
      }
      if (frame.members === undefined) {
        frame.items.push(value);
        if (this.#takes(',')) return false;
        if (!this.#takes(']')) throw this.#error('"," or "]" is expected');
        value = frame.items;
      } else {
        frame.members.set(frame.name, value);
        if (this.#takes(',')) {
          frame.name = this.#name(frame.members);
          return false;
        }
        if (!this.#takes('}')) throw this.#error('"," or "}" is expected');
        value = frame.members;
      }
      this.#open.pop();
    }
  }

  #end(): void {
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#error('there is more text after the end');
  }

  #name(members: ReadonlyMap<string, Json>): string {
    this.#skipSpace();
    const start = this.#at;
    if (this.#text[start] !== '"') throw this.#error('a name is expected');
    const name = this.#string();
    if (forbiddenNames.has(name)) throw this.#error(`the name "${name}" is not allowed`, start);
    if (members.has(name)) throw this.#error('a name occurs twice in one object', start);
    if (!this.#takes(':')) throw this.#error('":" is expected');
    return name;
  }

  #string(): string {
    const start = this.#at;
    let escaped = false;
    for (let at = start + 1; ; ) {
      plainText.lastIndex = at;
      plainText.test(this.#text);
      at = plainText.lastIndex;
      const code = this.#text.charCodeAt(at);
      if (at - start > maxTextLength) throw this.#error('a text is too long', start);
      if (Number.isNaN(code)) throw this.#error('a text does not end', start);
      if (code === quote) {
        this.#at = at + 1;
        const raw = this.#text.slice(start + 1, at);
        return escaped ? this.#unescape(raw, start) : raw;
      }
      if (code !== backslash) throw this.#error('a text has a control character', at);
      escaped = true;
      at += 2;
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
    if (literal.length > maxNumberLength) throw this.#error('a number has too many digits');
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

// Up to a quote, a backslash or a control character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has no control characters in a text
const plainText = /[^"\\\u0000-\u001f]*/y;
const quote = 0x22;
const backslash = 0x5c;
const spaces: ReadonlySet<number> = new Set([0x20, 0x0a, 0x0d, 0x09]);
const numberForm = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Formats JSON in a canonical form: names sorted, no spaces, all digits. */
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

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return value instanceof Map;
}
