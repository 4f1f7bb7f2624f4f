import type { Bus } from '../pubsub/bus.ts';
import type { FieldCatalog } from './field-catalog.ts';
import { conversionOf, convertedValue } from './field-catalog.ts';
import type { CommitEntry, JournalEntry, PlainEntry } from './journal-entry.ts';
import type { FieldDefinition, FieldValue } from './model.ts';
import type { RecordStore } from './record-store.ts';
import { seededAccounts } from './seed.ts';

/** Replays a journal. */
export function restoreMemory(memory: OrgMemory, entries: Iterable<JournalEntry>): void {
  for (const entry of entries) {
    switch (entry.op) {
      case 'seed':
        seedAccounts(memory, entry);
        break;
      case 'field':
        addField(memory, entry);
        break;
      case 'schema':
        memory.bus.registerSchema(entry.id, entry.json);
        break;
      case 'changeField':
        changeField(memory, entry);
        break;
      case 'removeField':
        removeField(memory, entry);
        break;
      case 'recalculate':
        recalculate(memory, entry);
        break;
      case 'expire':
        memory.bus.expire();
        break;
      case 'commit':
        restoreCommit(memory, entry);
        break;
    }
  }
  memory.store.sort();
}

/** A compact journal of this memory: seeded records that were never changed are omitted. */
export function* snapshotMemory(memory: OrgMemory, time: number): Iterable<JournalEntry> {
  yield* memory.history;
  const { lastOrdinal, lastCommitNumber } = memory;
  yield { op: 'commit', lastOrdinal, commitNumber: lastCommitNumber, events: [] };
  for (const account of memory.store.all()) {
    if (memory.touched.has(account.id)) yield { op: 'commit', records: [account], events: [] };
  }
  for (const event of memory.bus.retained()) yield { op: 'commit', events: [event] };
  const replayId = memory.bus.latestReplayId();
  yield { op: 'commit', events: [{ replayId, at: time, topic: null, event: null }] };
}

export function seedAccounts(memory: OrgMemory, entry: PlainEntry & { op: 'seed' }): void {
  const checkboxes = memory.catalog.all().filter(isWritableCheckbox);
  const defaults = Object.fromEntries(checkboxes.map((field) => [field.name, field.defaultValue]));
  for (const account of seededAccounts({ ...entry, ownerId: memory.ownerId, defaults })) {
    memory.store.put(account);
  }
  memory.lastOrdinal = entry.firstOrdinal + entry.count - 1;
  memory.history.push(entry);
}

/** A checkbox and the currency are never empty, so a new one gets its default in every record. */
export function addField(memory: OrgMemory, entry: PlainEntry & { op: 'field' }): void {
  const field = memory.catalog.add(entry.field);
  memory.store.addIndex(field);
  memory.history.push(entry);
  if (!isWritableCheckbox(field) && field.name !== 'CurrencyIsoCode') return;
  for (const { id, values, isDeleted } of [...memory.store.all()]) {
    memory.store.put({ id, values: { ...values, [field.name]: field.defaultValue }, isDeleted });
  }
}

/** Changes the type of a field and converts its values. Returns whether this causes a gap event. */
export function changeField(memory: OrgMemory, entry: PlainEntry & { op: 'changeField' }): boolean {
  const { old, field } = memory.catalog.change(entry.name, entry.change);
  const { hasGapEvent, keeps } = conversionOf(old.type, field.type);
  memory.history.push(entry);
  rewriteField(memory, field.name, (value) => {
    if (keeps && value !== null) return convertedValue(value, field);
    return isWritableCheckbox(field) ? field.defaultValue : null;
  });
  memory.store.addIndex(field);
  return hasGapEvent;
}

export function removeField(memory: OrgMemory, entry: PlainEntry & { op: 'removeField' }): void {
  const names = memory.catalog.remove(entry.name);
  memory.history.push(entry);
  for (const name of names) rewriteField(memory, name, () => null);
}

export function recalculate(memory: OrgMemory, entry: PlainEntry & { op: 'recalculate' }): void {
  const field = memory.catalog.find(entry.name);
  if (field?.calculated !== true) throw new Error(`Account has no calculated field ${entry.name}`);
  memory.history.push(entry);
  const ids = entry.recordIds === undefined ? undefined : new Set(entry.recordIds);
  rewriteField(memory, field.name, (value, id) => (ids === undefined || ids.has(id) ? entry.value : value));
}

/** Audit fields stay unchanged and there are no events, because no user made this change. */
function rewriteField(
  memory: OrgMemory,
  name: string,
  rewrite: (value: FieldValue, id: string) => FieldValue,
): void {
  for (const { id, values, isDeleted } of [...memory.store.all()]) {
    const { [name]: old = null, ...others } = values;
    const value = rewrite(old, id);
    if (value !== old) {
      memory.store.put({ id, values: value === null ? others : { ...others, [name]: value }, isDeleted });
    }
  }
}

function restoreCommit(memory: OrgMemory, entry: CommitEntry): void {
  for (const account of entry.records ?? []) {
    memory.store.put(account);
    memory.touched.add(account.id);
  }
  memory.lastOrdinal = entry.lastOrdinal ?? memory.lastOrdinal;
  memory.lastCommitNumber = entry.commitNumber ?? memory.lastCommitNumber;
  memory.bus.append(entry.events);
}

function isWritableCheckbox(field: FieldDefinition): boolean {
  return field.type === 'boolean' && field.createable;
}

/** The state of an org. */
export type OrgMemory = {
  readonly catalog: FieldCatalog;
  readonly store: RecordStore;
  readonly bus: Bus;
  /** Owner of seeded accounts. */
  readonly ownerId: string;
  /** Changes other than DML, in order. */
  readonly history: PlainEntry[];
  /** Ids of the records that DML wrote. */
  readonly touched: Set<string>;
  lastOrdinal: number;
  lastCommitNumber: bigint;
};
