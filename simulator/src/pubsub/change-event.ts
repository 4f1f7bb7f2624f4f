import { isCompound } from '../org/compound-fields.ts';
import { mask } from '../org/mask.ts';
import type { FieldType, FieldValue, RecordValues } from '../org/model.ts';
import type { RecordChange } from '../org/transaction.ts';
import type { EventField, EventPart } from './avro-schema.ts';
import { bitmapElements, type FieldSelection } from './bitmap.ts';
import { textDiff } from './text-diff.ts';

/**
 * The change events of one transaction, in the order of the first write of each record. A record has at most one;
 * equal changes of several records share one. The commit is added later.
 */
export function changeEvents(
  changes: readonly RecordChange[],
  layout: readonly EventField[],
  sendsDiffs: boolean,
): ChangeEvent[] {
  const events: MergedEvent[] = [];
  const open = new Map<string, MergedEvent>();
  for (const change of changes) {
    const content = contentOf(change, layout, sendsDiffs);
    if (content === undefined) continue;
    const key = JSON.stringify(content);
    const same = open.get(key);
    if (same !== undefined && same.recordIds.length < RECORDS_PER_EVENT) {
      same.recordIds.push(change.id);
      continue;
    }
    const { values, ...lists } = content;
    const event = { ...lists, recordIds: [change.id], body: bodyOf(values, layout) };
    events.push(event);
    open.set(key, event);
  }
  return events;
}

/** The change of a record over the whole transaction; undefined if there is none. */
export function changeTypeOf({ before, after }: RecordChange): RecordChangeType | undefined {
  const wasThere = before !== undefined && !before.isDeleted;
  const isThere = after !== undefined && !after.isDeleted;
  if (wasThere) return isThere ? 'UPDATE' : 'DELETE';
  if (!isThere) return undefined;
  return before === undefined ? 'CREATE' : 'UNDELETE';
}

function contentOf(
  change: RecordChange,
  layout: readonly EventField[],
  sendsDiffs: boolean,
): Content | undefined {
  const changeType = changeTypeOf(change);
  const after = change.after?.values ?? {};
  switch (changeType) {
    case undefined:
      return undefined;
    case 'DELETE':
      return { changeType, ...NO_FIELDS, values: {} };
    case 'UPDATE':
      return updateContent(change.before?.values ?? {}, after, layout, sendsDiffs);
    default:
      return { changeType, ...NO_FIELDS, values: pick(after, leaves(layout)) };
  }
}

function updateContent(
  before: RecordValues,
  after: RecordValues,
  layout: readonly EventField[],
  sendsDiffs: boolean,
): Content {
  const changed = emptySelection();
  const nulled = emptySelection();
  const diffed = emptySelection();
  const diffs: Record<string, string> = {};
  const names: string[] = [];
  for (const entry of layout) {
    const { field, position } = entry;
    const parts = partsFor(entry, after);
    if (parts.length === 0) {
      if (field.name !== 'LastModifiedDate' && before[field.name] === after[field.name]) continue;
      names.push(field.name);
      changed.fields.push(position);
      if (after[field.name] === undefined) nulled.fields.push(position);
      const diff = sendsDiffs ? diffOf(before[field.name], after[field.name]) : undefined;
      if (diff === undefined) continue;
      diffed.fields.push(position);
      diffs[field.name] = diff;
      continue;
    }
    const isNull = (index: number) => after[parts[index]?.field.name ?? ''] === undefined;
    const differing = [...parts.keys()].filter((index) => {
      const name = parts[index]?.field.name ?? '';
      return before[name] !== after[name];
    });
    if (differing.length === 0) continue;
    names.push(...differing.map((index) => parts[index]?.field.name ?? ''));
    if (parts.every((_, index) => isNull(index))) {
      changed.fields.push(position);
      nulled.fields.push(position);
    } else {
      changed.parts.set(position, differing);
      nulled.parts.set(position, differing.filter(isNull));
    }
  }
  return {
    changeType: 'UPDATE',
    changedFields: bitmapElements(changed),
    nulledFields: bitmapElements(nulled),
    diffFields: bitmapElements(diffed),
    values: { ...pick(after, names), ...diffs },
  };
}

function diffOf(before: FieldValue | undefined, after: FieldValue | undefined): string | undefined {
  return typeof before === 'string' && typeof after === 'string' ? textDiff(before, after) : undefined;
}

/** The fields for the Avro encoder: missing ones are null, compound fields are records. */
export function bodyOf(values: RecordValues, layout: readonly EventField[]): EventBody {
  const body: EventBody = {};
  for (const entry of layout) {
    const { field } = entry;
    const parts = partsFor(entry, values);
    if (parts.length === 0) {
      const value = avroValue(field.type, values[field.name]);
      if (value !== null) body[field.name] = value;
      continue;
    }
    const present = parts.filter((part) => values[part.field.name] !== undefined);
    if (present.length === 0) continue;
    body[field.name] = Object.fromEntries(
      present.map(({ field: part, name }) => [name, avroValue(part.type, values[part.name])]),
    );
  }
  return body;
}

/** The event without the values of some fields; the lists of changed fields stay as they are. */
export function withoutFields(
  event: ChangeEvent,
  layout: readonly EventField[],
  isOmitted: (field: string) => boolean,
): ChangeEvent {
  const body = { ...event.body };
  for (const { field, parts } of layout) {
    if (isOmitted(field.name)) delete body[field.name];
    const value = body[field.name];
    if (typeof value !== 'object' || value === null) continue;
    const omitted = new Set(parts.filter((part) => isOmitted(part.field.name)).map(({ name }) => name));
    body[field.name] = Object.fromEntries(Object.entries(value).filter(([name]) => !omitted.has(name)));
  }
  return { ...event, body };
}

function avroValue(type: FieldType, value: FieldValue | undefined): AvroValue {
  if (value === undefined) return null;
  if (type === 'encryptedstring') return mask(value);
  const isTime = type === 'date' || type === 'datetime' || type === 'time';
  return isTime && typeof value === 'number' ? BigInt(value) : value;
}

function leaves(layout: readonly EventField[]): string[] {
  return layout.flatMap(({ field, parts }) => [
    ...(isCompound(field) ? [] : [field.name]),
    ...parts.map((part) => part.field.name),
  ]);
}

/** A compound field always has parts; a name has parts if it is of a person. */
export function partsFor({ field, parts }: EventField, values: RecordValues): readonly EventPart[] {
  const inParts = isCompound(field) || parts.some((part) => values[part.field.name] !== undefined);
  return inParts ? parts : [];
}

function pick(values: RecordValues, names: readonly string[]): RecordValues {
  const picked: Record<string, FieldValue> = {};
  for (const name of names) {
    const value = values[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}

function emptySelection(): { fields: number[]; parts: Map<number, number[]> } & FieldSelection {
  return { fields: [], parts: new Map() };
}

const NO_FIELDS = { changedFields: [], nulledFields: [], diffFields: [] } as const;

/** The API processes a request in chunks of this many records, each with separate events. */
const RECORDS_PER_EVENT = 200;

export type RecordChangeType = 'CREATE' | 'UPDATE' | 'DELETE' | 'UNDELETE';

export type ChangeType = RecordChangeType | `GAP_${RecordChangeType}` | 'GAP_OVERFLOW';

/** A change event without its commit. */
export type ChangeEvent = {
  readonly changeType: ChangeType;
  readonly recordIds: readonly string[];
  readonly changedFields: readonly string[];
  readonly nulledFields: readonly string[];
  /** The changed fields whose value is a diff. */
  readonly diffFields: readonly string[];
  readonly body: EventBody;
};

/** Values by Avro field name; missing ones are null. */
export type EventBody = Record<string, AvroValue | Record<string, AvroValue>>;
type AvroValue = string | number | boolean | bigint | null;

type MergedEvent = ChangeEvent & { readonly recordIds: string[] };

type Content = {
  readonly changeType: RecordChangeType;
  readonly changedFields: readonly string[];
  readonly nulledFields: readonly string[];
  readonly diffFields: readonly string[];
  /** The values in the event by flat field name. */
  readonly values: RecordValues;
};
