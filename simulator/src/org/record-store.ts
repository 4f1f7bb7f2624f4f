import type { FieldDefinition, FieldValue, OrgRecord } from './model.ts';

/** All accounts in the order of their ids, with an index for every unique or external id field. */
export function createRecordStore(fields: readonly FieldDefinition[]) {
  let records = new Map<string, OrgRecord>();
  const indexes = new Map<string, ValueIndex>();
  for (const field of fields) addIndex(field);

  /** Indexes a field that is unique or an external id; removes the index of another field. */
  function addIndex(field: FieldDefinition): void {
    indexes.delete(field.name);
    if (!field.unique && !field.externalId) return;
    const index: ValueIndex = new Map();
    indexes.set(field.name, index);
    for (const { id, isDeleted, values } of records.values()) {
      const value = values[field.name] ?? null;
      if (!isDeleted && value !== null) remember(index, value, id);
    }
  }

  function reindex(before: OrgRecord | undefined, after: OrgRecord | undefined): void {
    for (const [name, index] of indexes) {
      const old = before === undefined || before.isDeleted ? null : (before.values[name] ?? null);
      const next = after === undefined || after.isDeleted ? null : (after.values[name] ?? null);
      if (old === next) continue;
      if (before !== undefined && old !== null) forget(index, old, before.id);
      if (after !== undefined && next !== null) remember(index, next, after.id);
    }
  }

  return {
    get: (id: string) => records.get(id),
    put(record: OrgRecord): void {
      reindex(records.get(record.id), record);
      records.set(record.id, record);
    },
    remove(id: string): void {
      reindex(records.get(id), undefined);
      records.delete(id);
    },
    all: (): Iterable<OrgRecord> => records.values(),
    size: () => records.size,
    /** Only for fields that are unique or an external id. Ignores deleted records. */
    liveIdsWith: (field: string, value: FieldValue): readonly string[] => [
      ...(indexes.get(field)?.get(String(value)) ?? []),
    ],
    addIndex,
    /** Sorts the records by id after a replay. */
    sort(): void {
      records = new Map([...records].sort(([a], [b]) => (a < b ? -1 : 1)));
    },
  };
}

function remember(index: ValueIndex, value: FieldValue, id: string): void {
  const key = String(value);
  const ids = index.get(key);
  if (ids === undefined) index.set(key, new Set([id]));
  else ids.add(id);
}

function forget(index: ValueIndex, value: FieldValue, id: string): void {
  const key = String(value);
  const ids = index.get(key);
  ids?.delete(id);
  if (ids?.size === 0) index.delete(key);
}

/** Ids of the records that are not deleted, by value. */
type ValueIndex = Map<string, Set<string>>;

export type RecordStore = ReturnType<typeof createRecordStore>;
