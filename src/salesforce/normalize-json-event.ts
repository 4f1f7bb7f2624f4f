import { expandBitmaps } from './bitmap.ts';
import { isJsonObject, isList, type Json, type JsonObject } from './exact-json.ts';
import { type JsonEvent, JsonEventError, parseJsonEvent } from './json-change-event.ts';
import { normalizeValue } from './normalize-json-value.ts';
import { parseRecordId } from './record-id.ts';
import { partName } from './records.ts';
import type { SchemaField } from './writer-schema.ts';

/**
 * Converts an account event to the stored form: names of the schema, parts inside their compound fields, values of the
 * field types. Accepts bitmaps of Pub/Sub clients, tagged unions of Avro JSON, flat names of REST, and names in another
 * case.
 *
 * @param fields of the schema, the header first
 * @throws JsonEventError that names the unknown member
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
    const changed = lists.open ? [...members.keys()] : [...lists.changed];
    if (changed.length === 0) throw new JsonEventError('ChangeEventHeader.changedFields', 'names no field');
    const withheld = changed.filter((path) => isWithheld(path, members, lists));
    headerMembers.set('changedFields', changed);
    headerMembers.set('nulledFields', [...lists.nulled]);
    // Like a diff: the field changed, and its value is read from Salesforce.
    headerMembers.set('diffFields', [...new Set([...lists.diffs, ...withheld])]);
  }
  const payload = new Map<string, Json>([['ChangeEventHeader', headerMembers], ...members]);
  return { ...parseJsonEvent(payload), eventId: event.eventId };
}

type Lists = {
  readonly changed: ReadonlySet<string>;
  readonly nulled: ReadonlySet<string>;
  readonly diffs: ReadonlySet<string>;
  /** The header names no changed fields: all present fields count. */
  readonly open: boolean;
  /** The header lists the cleared fields: any other null may have been withheld. */
  readonly listsNulled: boolean;
};

function changedLists({ payload }: JsonEvent, fields: readonly SchemaField[], names: Resolver): Lists {
  const list = (name: string): Set<string> => {
    const value = rawHeader(payload).get(name) ?? [];
    const texts = isList(value) ? value.filter((item) => typeof item === 'string') : [];
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
    listsNulled: isList(rawHeader(payload).get('nulledFields') ?? null),
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

/** Whether a changed value is absent, or null although the header would name it as nulled. */
function isWithheld(path: string, members: JsonObject, lists: Lists): boolean {
  const [name = '', part] = path.split('.');
  if (lists.nulled.has(path) || lists.nulled.has(name)) return false;
  const value = members.get(name);
  if (value === undefined) return true;
  const own = part !== undefined && isJsonObject(value) ? value.get(part) : value;
  return own === undefined || (own === null && (lists.open || lists.listsNulled));
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
  /** The path of the schema: `Rating`, `BillingAddress.City`. */
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

/** REST names of a part of a compound field: `BillingCity`, `Place__Latitude__s`, `FirstName`. */
function flatNames(field: string, part: string): string[] {
  const stem = field.replace(/(Address|__c|__pc)$/, '');
  const flat = [`${stem}${part}`, `${stem}__${part}__s`, `${stem}__${part}__pc`, part];
  return flat.filter((name) => partName(field, name) === part && (name !== part || field === 'Name'));
}
