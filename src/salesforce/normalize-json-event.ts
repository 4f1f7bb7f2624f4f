import { expandBitmaps } from './bitmap.ts';
import { isJsonObject, isList, type Json, type JsonObject } from './exact-json.ts';
import { type JsonEvent, JsonEventError, readJsonEvent } from './json-change-event.ts';
import { normalizeValue } from './normalize-json-value.ts';
import { parseRecordId } from './record-id.ts';
import { partName } from './records.ts';
import type { SchemaField } from './writer-schema.ts';

/**
 * Brings an event of accounts into the one form that is stored: names as the schema has them, parts inside their
 * compound fields, values of the types of their fields. Senders write bitmaps as Pub/Sub clients do, tagged unions as
 * Avro's JSON does, flat names as REST does, and names in another case.
 *
 * @param fields of the schema, the header first
 * @throws JsonEventError that names the member that fits no field
 */
export function normalizeJsonEvent(event: JsonEvent, fields: readonly SchemaField[]): JsonEvent {
  const { header } = event;
  if (header.entityName.toLowerCase() !== 'account') return event;
  const isBroad = header.changeType === 'GAP_OVERFLOW';
  for (const id of header.recordIds) {
    const isAccount = parseRecordId(id)?.startsWith('001') === true;
    if (!isAccount && !isBroad && !id.endsWith('*'))
      throw new JsonEventError(
        'ChangeEventHeader.recordIds',
        `holds "${id.slice(0, 40)}", which is no account id`,
      );
  }
  const names = resolver(fields);
  const isWhole = ['CREATE', 'UNDELETE', 'SNAPSHOT'].includes(header.changeType);
  const lists = isWhole ? undefined : changedLists(event, fields, names);
  const members = normalizedMembers(event.payload, names, (path) =>
    isWhole ? true : lists !== undefined && (lists.open || lists.changed.has(path)),
  );
  const headerMembers = new Map(rawHeader(event.payload)).set('entityName', 'Account');
  if (lists !== undefined && header.changeType === 'UPDATE') {
    const changed = lists.open ? pathsOf(members) : [...lists.changed];
    if (changed.length === 0) throw new JsonEventError('ChangeEventHeader.changedFields', 'names no field');
    const withheld = changed.filter((path) => isWithheld(path, members, lists));
    headerMembers.set('changedFields', changed);
    headerMembers.set('nulledFields', [...lists.nulled]);
    // Like a text that came as a diff: that it changed is known, its value is read.
    headerMembers.set('diffFields', [...new Set([...lists.diffs, ...withheld])]);
  }
  const payload = new Map<string, Json>([['ChangeEventHeader', headerMembers], ...members]);
  return { ...readJsonEvent(payload), eventId: event.eventId };
}

type Lists = {
  readonly changed: ReadonlySet<string>;
  readonly nulled: ReadonlySet<string>;
  readonly diffs: ReadonlySet<string>;
  /** Nothing says what changed: it is what there is. */
  readonly open: boolean;
};

function changedLists({ payload }: JsonEvent, fields: readonly SchemaField[], names: Resolver): Lists {
  const list = (name: string): Set<string> => {
    const given = rawHeader(payload).get(name) ?? [];
    const texts = isList(given) ? given.filter((item) => typeof item === 'string') : [];
    return new Set(
      texts.flatMap((text) => {
        const found = /^(?:\d+-)?0x/i.test(text) ? expand(text, fields, name) : names.resolve(text);
        if (found === undefined)
          throw new JsonEventError(
            `ChangeEventHeader.${name}`,
            `names "${text.slice(0, 80)}", which is no field of Account`,
          );
        return found;
      }),
    );
  };
  const nulled = list('nulledFields');
  const named = list('changedFields');
  return {
    changed: new Set([...named, ...nulled]),
    nulled,
    diffs: list('diffFields'),
    open: named.size === 0 && nulled.size === 0,
  };
}

function expand(bitmap: string, fields: readonly SchemaField[], name: string): string[] {
  try {
    return expandBitmaps([bitmap], fields);
  } catch (error) {
    throw new JsonEventError(
      `ChangeEventHeader.${name}`,
      error instanceof Error ? error.message : 'is wrong',
    );
  }
}

/** A value that is not there, or a null of which nothing says that it is meant. */
function isWithheld(path: string, members: JsonObject, lists: Lists): boolean {
  if (lists.nulled.has(path)) return false;
  const [name = '', part] = path.split('.');
  const value = members.get(name);
  if (value === undefined) return true;
  if (lists.open) return value === null;
  return part !== undefined && isJsonObject(value) && !value.has(part);
}

function pathsOf(members: JsonObject): string[] {
  return [...members.keys()];
}

function normalizedMembers(
  payload: JsonObject,
  names: Resolver,
  isUsed: (path: string) => boolean,
): Map<string, Json> {
  const members = new Map<string, Json>();
  for (const [given, value] of payload) {
    if (given === 'ChangeEventHeader') continue;
    const [path] = names.resolve(given) ?? [];
    const [name = '', part] = (path ?? '').split('.');
    const field = names.field(name);
    const hasUse =
      path !== undefined && (isUsed(path) || field?.parts.some((own) => isUsed(`${name}.${own}`)));
    if (path === undefined || field === undefined) {
      if (isUsed('')) throw new JsonEventError(given.slice(0, 80), 'is no field of Account');
      continue;
    }
    if (!hasUse) continue;
    const normal = normalizeValue(value, field, part, given);
    const before = members.get(name);
    if (part === undefined) {
      if (before !== undefined) throw new JsonEventError(given, 'occurs twice in different case');
      members.set(name, normal);
    } else members.set(name, new Map([...(isJsonObject(before) ? before : []), [part, normal]]));
  }
  return members;
}

function rawHeader(payload: JsonObject): JsonObject {
  const header = payload.get('ChangeEventHeader');
  return isJsonObject(header) ? header : new Map();
}

type Resolver = {
  /** The path, as the schema writes it: `Rating`, `BillingAddress.City`. */
  resolve(name: string): string[] | undefined;
  field(name: string): SchemaField | undefined;
};

function resolver(fields: readonly SchemaField[]): Resolver {
  const own = fields.slice(1);
  const byName = new Map(own.map((field) => [field.name, field]));
  const paths = new Map<string, string>();
  const add = (name: string, path: string): void => {
    if (!paths.has(name.toLowerCase())) paths.set(name.toLowerCase(), path);
  };
  for (const { name } of own) add(name, name);
  for (const { name, parts } of own) {
    for (const part of parts) {
      add(`${name}.${part}`, `${name}.${part}`);
      for (const flat of flatNames(name, part)) add(flat, `${name}.${part}`);
    }
  }
  return {
    resolve: (name) => {
      const path = paths.get(name.toLowerCase());
      return path === undefined ? undefined : [path];
    },
    field: (name) => byName.get(name),
  };
}

/** `BillingCity`, `Place__Latitude__s`, `FirstName`: how REST names a part of a compound field. */
function flatNames(field: string, part: string): string[] {
  const stem = field.replace(/(Address|__c|__pc)$/, '');
  const flat = [`${stem}${part}`, `${stem}__${part}__s`, `${stem}__${part}__pc`, part];
  return flat.filter((name) => partName(field, name) === part && (name !== part || field === 'Name'));
}
