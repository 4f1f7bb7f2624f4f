import {
  type ChangeEvent,
  type ChangeEventHeader,
  changeTypes,
  type FieldValues,
  type Scalar,
} from './change-event.ts';
import { isJsonObject, isList, type Json, type JsonObject } from './exact-json.ts';
import { capitalise, epochToIso } from './field-value.ts';
import { impliedPaths, nameField } from './person-accounts.ts';
import type { SchemaField, ValueKind } from './writer-schema.ts';

/** A change event as JSON, without its envelopes. */
export type JsonEvent = {
  readonly header: ChangeEventHeader;
  /** The header and the fields. */
  readonly payload: JsonObject;
  /** Id from the producer or the relay. */
  readonly eventId: string | undefined;
};

/** An invalid event, and the path of the invalid member. */
export class JsonEventError extends Error {
  /** `payload.ChangeEventHeader.changeType`; empty for the event itself. */
  readonly path: string;

  constructor(path: string, message: string) {
    super(message);
    this.name = 'JsonEventError';
    this.path = path;
  }
}

/**
 * Parses the shapes that relays send: `{ schema, payload, event }` of CometD, optionally inside `{ channel, data }`; the
 * bare payload; the envelope of EventBridge with any of them under `detail`.
 *
 * @throws JsonEventError
 */
export function parseJsonEvent(value: Json): JsonEvent {
  const { payload, path, eventId } = unwrap(value);
  const header = payload.get('ChangeEventHeader');
  const headerPath = path === '' ? 'ChangeEventHeader' : `${path}.ChangeEventHeader`;
  if (!isJsonObject(header)) throw new JsonEventError(headerPath, 'must be an object');
  return { header: readHeader(header, payload, headerPath), payload, eventId };
}

/**
 * Decodes an event. In JSON a null field is cleared and an absent one unchanged, unlike in Avro. Only fields that the
 * header names as changed count: an enriched channel sends unchanged fields too. Events with a whole record leave out
 * empty fields.
 *
 * @throws Error if a value does not match its field
 */
export function decodeJsonChangeEvent(
  { header, payload }: JsonEvent,
  fields: readonly SchemaField[],
): ChangeEvent {
  const known = new Map(fields.slice(1).map((field) => [field.name, field]));
  const fieldOf = (name: string): FieldLike => known.get(name) ?? { name, parts: [], kind: 'unknown' };
  const { changeType } = header;
  const missing = [...header.diffFields, ...impliedPaths(header, fields)];
  if (changeType === 'UPDATE') return { header, values: changedValues(header, payload, fieldOf), missing };
  const isWhole = changeType === 'CREATE' || changeType === 'UNDELETE' || changeType === 'SNAPSHOT';
  return { header, values: isWhole ? allValues(payload, known, fieldOf) : new Map(), missing };
}

function allValues(
  payload: JsonObject,
  known: ReadonlyMap<string, SchemaField>,
  fieldOf: FieldOf,
): FieldValues {
  const values = new Map<string, Scalar>();
  for (const field of known.values()) setWhole(values, field, payload.get(field.name) ?? null);
  for (const [name, value] of payload) {
    if (name !== headerName && !known.has(name)) setWhole(values, fieldOf(name), value);
  }
  return values;
}

/** Sets a plain field, or every part of a compound one. */
function setWhole(values: Map<string, Scalar>, field: FieldLike, value: Json): void {
  if (!isJsonObject(value)) values.set(field.name, scalar(value, field));
  else if (field.name === nameField) values.set(nameField, null);
  const parts = isJsonObject(value) ? partsOf(value) : new Map<string, Json>();
  for (const part of new Set([...field.parts, ...parts.keys()])) {
    values.set(`${field.name}.${part}`, scalar(parts.get(part) ?? null, field));
  }
}

function changedValues(header: ChangeEventHeader, payload: JsonObject, fieldOf: FieldOf): FieldValues {
  const values = new Map<string, Scalar>();
  const { changedFields, diffFields, nulledFields } = header;
  for (const path of changedFields) {
    if (diffFields.includes(path)) continue;
    const [name = '', part] = path.split('.');
    const value = payload.get(name) ?? (payload.has(name) || nulledFields.includes(path) ? null : undefined);
    if (value === undefined) continue;
    if (part !== undefined) setPart(values, fieldOf(name), part, value, nulledFields.includes(path));
    else if (isJsonObject(value)) setParts(values, fieldOf(name), value);
    else setWhole(values, fieldOf(name), value);
  }
  return values;
}

function setPart(
  values: Map<string, Scalar>,
  field: FieldLike,
  part: string,
  value: Json,
  nulled: boolean,
): void {
  const content = isJsonObject(value) ? partsOf(value).get(part) : null;
  if (content === undefined && !nulled) return;
  if (field.name === nameField) values.set(nameField, null);
  values.set(`${field.name}.${part}`, scalar(content ?? null, field));
}

/** Sets the present parts; the others are unchanged. */
function setParts(values: Map<string, Scalar>, field: FieldLike, value: JsonObject): void {
  if (field.name === nameField) values.set(nameField, null);
  for (const [part, content] of partsOf(value)) values.set(`${field.name}.${part}`, scalar(content, field));
}

function partsOf(value: JsonObject): ReadonlyMap<string, Json> {
  return new Map([...value].map(([part, content]) => [capitalise(part), content]));
}

function scalar(value: Json, { name, kind }: FieldLike): Scalar {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return fromText(value, name, kind);
  if (typeof value !== 'number' && typeof value !== 'bigint')
    throw new Error(`${name} is not a single value`);
  if (kind === 'plain' || kind === 'unknown') return typeof value === 'bigint' ? value.toString() : value;
  return epochToIso(BigInt(value), kind);
}

function fromText(text: string, name: string, kind: FieldLike['kind']): string {
  if (kind === 'date' && /^\d{4}-\d\d-\d\d/.test(text)) return text.slice(0, 10);
  const isMoment = kind === 'datetime' || (kind === 'unknown' && moment.test(text));
  if (!isMoment) return text;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new Error(`${name} is not a date and time`);
  return new Date(time).toISOString();
}

const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)$/;

function unwrap(value: Json): { payload: JsonObject; path: string; eventId: string | undefined } {
  let payload = value;
  let path = '';
  let eventId: string | undefined;
  while (isJsonObject(payload) && !payload.has(headerName)) {
    const around: JsonObject = payload;
    const inside = wrappings.find((name) => around.has(name));
    if (inside === undefined) throw new JsonEventError(path, `holds no ${headerName}`);
    eventId = idOf(around) ?? eventId;
    path = path === '' ? inside : `${path}.${inside}`;
    payload = around.get(inside) ?? null;
  }
  if (!isJsonObject(payload)) throw new JsonEventError(path, 'must be an object');
  return { payload, path, eventId };
}

/** CometD has the id inside `event`; EventBridge has its own `id`. */
function idOf(around: JsonObject): string | undefined {
  const event = around.get('event');
  const candidates = [isJsonObject(event) ? event.get('EventUuid') : undefined, around.get('id')];
  return candidates.find((id): id is string => typeof id === 'string' && idForm.test(id));
}

const headerName = 'ChangeEventHeader';
const wrappings = ['payload', 'data', 'detail'];
const idForm = /^[\x21-\x7e]{1,128}$/;

function readHeader(raw: JsonObject, payload: JsonObject, path: string): ChangeEventHeader {
  const fail = (name: string, message: string): never => {
    throw new JsonEventError(`${path}.${name}`, message);
  };
  const text = (name: string, fallback?: string): string => {
    const value = raw.get(name) ?? fallback;
    if (typeof value !== 'string' || !isHeaderText(value)) {
      return fail(name, 'must be a text of at most 255 characters');
    }
    return value;
  };
  const texts = (name: string): string[] => {
    const value = raw.get(name) ?? [];
    if (!isList(value)) return fail(name, 'must be a list');
    return value.map((item) =>
      typeof item === 'string' && isHeaderText(item) ? item : fail(name, 'must be a list of names'),
    );
  };
  const count = (name: string, max: bigint): bigint => {
    const number = wholeNumber(raw.get(name)) ?? -1n;
    return number >= 0n && number <= max ? number : fail(name, `must be a whole number from 0 to ${max}`);
  };
  const changeType = changeTypes.find((type) => type === raw.get('changeType'));
  if (changeType === undefined) return fail('changeType', `must be one of ${changeTypes.join(', ')}`);
  const recordIds = texts('recordIds');
  if (recordIds.length === 0) return fail('recordIds', 'must not be empty');
  const transactionKey = text('transactionKey');
  if (transactionKey === '') return fail('transactionKey', 'must not be empty');
  const nulledFields = texts('nulledFields');
  const changed = raw.has('changedFields') ? texts('changedFields') : namesOf(payload, changeType);
  const changedFields = [...new Set([...changed, ...nulledFields])];
  return {
    entityName: text('entityName'),
    recordIds,
    changeType,
    changeOrigin: text('changeOrigin', ''),
    transactionKey,
    sequenceNumber: Number(count('sequenceNumber', 2n ** 31n - 1n)),
    commitTimestamp: Number(count('commitTimestamp', BigInt(maxTime))),
    commitNumber: count('commitNumber', 2n ** 63n - 1n),
    commitUser: text('commitUser', ''),
    changedFields,
    nulledFields,
    diffFields: [
      ...new Set([...texts('diffFields'), ...changedFields.filter((name) => isDiff(payload.get(name)))]),
    ],
  };
}

/** Long numbers may be sent as digits in a text. */
function wholeNumber(value: Json | undefined): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === 'string' && /^\d{1,19}$/.test(value) ? BigInt(value) : undefined;
}

/** Headers of old API versions do not name the changed fields: then all present fields count. */
function namesOf(payload: JsonObject, changeType: string): string[] {
  return changeType === 'UPDATE' ? [...payload.keys()].filter((name) => name !== headerName) : [];
}

/** A change of a long text is sent as `{ "diff": "…" }`. */
function isDiff(value: Json | undefined): boolean {
  return isJsonObject(value) && value.size === 1 && value.has('diff');
}

/** Without unpaired surrogates and control characters. */
function isHeaderText(text: string): boolean {
  return text.isWellFormed() && textForm.test(text);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: PostgreSQL takes no NUL in a text, and no header has one
const textForm = /^[^\u0000-\u001f]{0,255}$/;
// Maximum of a Date.
const maxTime = 8_640_000_000_000_000;

type FieldLike = Pick<SchemaField, 'name' | 'parts'> & { readonly kind: ValueKind | 'unknown' };
type FieldOf = (name: string) => FieldLike;
