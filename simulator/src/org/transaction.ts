import type { FieldCatalog } from './field-catalog.ts';
import { applyFieldRules } from './field-rules.ts';
import type { FieldValue, OrgRecord, RecordValues, SaveError, SaveResult, Transaction } from './model.ts';
import { nameAccount } from './person-accounts.ts';
import { keyPrefixOf, toLongId } from './record-id.ts';
import { findAccount, findDuplicate, findLiveAccount } from './record-lookup.ts';
import type { RecordStore } from './record-store.ts';
import { saveErrors } from './save-errors.ts';

/** Opens the DML of one request. Writes go to the store immediately; the previous images allow a rollback. */
export function openTransaction(world: TransactionState) {
  const dml: Dml = { ...world, before: new Map(), writes: [] };
  return {
    tx: world.readOnly === undefined ? writingTransaction(dml) : readOnlyTransaction(world.readOnly),
    /** Every write in order. */
    writes: (): readonly RecordChange[] => dml.writes,
    /** The records written so far, in the order of their first write, with their previous image. */
    changes: (): RecordChange[] =>
      [...dml.before].map(([id, before]) => ({ id, before, after: world.store.get(id) })),
  };
}

function writingTransaction(dml: Dml): Transaction {
  return {
    insert: (values) => insert(dml, values),
    update: (id, values) => update(dml, id, values),
    delete: (id) => remove(dml, id),
    undelete: (id) => undelete(dml, id),
    merge: (winner, losers) => merge(dml, winner, losers),
    upsert: (field, externalId, values) => upsert(dml, field, externalId, values),
    rollback: () => rollback(dml),
  };
}

/** The transaction of a read-only org: every write fails with this error. */
function readOnlyTransaction(error: SaveError): Transaction {
  const refuse = (id: string | null): SaveResult => failure(id, [error]);
  return {
    insert: () => refuse(null),
    update: refuse,
    delete: refuse,
    undelete: refuse,
    merge: refuse,
    upsert: () => refuse(null),
    rollback: () => {},
  };
}

function insert(dml: Dml, values: RecordValues): SaveResult {
  const named = nameAccount(dml.catalog, undefined, values);
  if (!named.ok) return failure(null, [named.error]);
  const checked = applyFieldRules(dml.catalog, named.values, 'insert', recordExists(dml));
  if (!checked.ok) return failure(null, checked.errors);
  const clash = findDuplicate(dml.catalog, dml.store, checked.values, null);
  if (clash !== undefined) return failure(null, [clash]);
  const refusal = dml.refuse?.(undefined, checked.values);
  if (refusal !== undefined) return failure(null, [refusal]);
  const id = dml.nextId();
  const complete = {
    Id: id,
    OwnerId: dml.userId,
    ...defaults(dml.catalog),
    ...checked.values,
    ...named.fixed,
    CreatedDate: dml.time,
    CreatedById: dml.userId,
    ...modified(dml),
    IsDeleted: false,
  };
  write(dml, { id, values: withoutNulls(complete), isDeleted: false });
  return { success: true, id, created: true };
}

function update(dml: Dml, id: string, values: RecordValues): SaveResult {
  const found = findLiveAccount(dml.store, id);
  if (!found.ok) return failure(found.id, [found.error]);
  const { record } = found;
  const named = nameAccount(dml.catalog, record.values, values);
  if (!named.ok) return failure(record.id, [named.error]);
  const checked = applyFieldRules(dml.catalog, named.values, 'update', recordExists(dml));
  if (!checked.ok) return failure(record.id, checked.errors);
  const clash = findDuplicate(dml.catalog, dml.store, checked.values, record.id);
  if (clash !== undefined) return failure(record.id, [clash]);
  const refusal = dml.refuse?.(record, checked.values);
  if (refusal !== undefined) return failure(record.id, [refusal]);
  const next = withoutNulls({ ...record.values, ...checked.values, ...named.fixed, ...modified(dml) });
  write(dml, { id: record.id, values: next, isDeleted: false });
  return { success: true, id: record.id, created: false };
}

function remove(dml: Dml, id: string): SaveResult {
  const found = findLiveAccount(dml.store, id);
  return found.ok ? setDeleted(dml, found.record, true) : failure(found.id, [found.error]);
}

function merge(dml: Dml, winner: string, losers: readonly string[]): SaveResult {
  const found = losers.map((id) => findLiveAccount(dml.store, id));
  for (const loser of found) {
    if (!loser.ok) return failure(loser.id, [loser.error]);
    if (loser.record.id === toLongId(winner))
      return failure(loser.record.id, [saveErrors.invalidReference()]);
  }
  const updated = update(dml, winner, {});
  if (!updated.success) return updated;
  for (const loser of found) if (loser.ok) setDeleted(dml, loser.record, true, updated.id);
  return updated;
}

function undelete(dml: Dml, id: string): SaveResult {
  const found = findAccount(dml.store, id);
  if (!found.ok) return failure(found.id, [found.error]);
  const { record } = found;
  if (!record.isDeleted) return failure(record.id, [saveErrors.notInRecycleBin()]);
  const clash = findDuplicate(dml.catalog, dml.store, record.values, record.id);
  return clash === undefined ? setDeleted(dml, record, false) : failure(record.id, [clash]);
}

function upsert(dml: Dml, fieldName: string, externalId: string, values: RecordValues): SaveResult {
  const field = dml.catalog.find(fieldName);
  if (field?.type === 'id') return update(dml, externalId, values);
  if (!field?.externalId) return failure(null, [saveErrors.notAnExternalId(fieldName)]);
  if (externalId.trim() === '') return failure(null, [saveErrors.externalIdMissing(field.name)]);
  const ids = dml.store.liveIdsWith(field.name, externalId.trim());
  if (ids.length > 1) return failure(null, [saveErrors.severalMatches(field.name, ids)]);
  const [id] = ids;
  if (id !== undefined) return update(dml, id, values);
  const isNumber = ['int', 'double', 'currency', 'percent'].includes(field.type);
  return insert(dml, { ...values, [field.name]: isNumber ? Number(externalId) : externalId });
}

function setDeleted(
  dml: Dml,
  record: OrgRecord,
  isDeleted: boolean,
  master: string | null = null,
): SaveResult {
  const values = { ...record.values, ...modified(dml), IsDeleted: isDeleted, MasterRecordId: master };
  write(dml, { id: record.id, values: withoutNulls(values), isDeleted });
  return { success: true, id: record.id, created: false };
}

function write({ before, store, writes }: Dml, record: OrgRecord): void {
  const old = store.get(record.id);
  if (!before.has(record.id)) before.set(record.id, old);
  writes.push({ id: record.id, before: old, after: record });
  store.put(record);
}

function rollback({ before, store, writes }: Dml): void {
  for (const [id, record] of before) {
    if (record === undefined) store.remove(id);
    else store.put(record);
  }
  before.clear();
  writes.length = 0;
}

function recordExists(dml: Dml): (id: string) => boolean {
  return (id) => (keyPrefixOf(id) === '005' ? dml.isUser(id) : dml.store.get(id)?.isDeleted === false);
}

function modified({ time, userId }: Dml): RecordValues {
  return { LastModifiedDate: time, LastModifiedById: userId, SystemModstamp: time };
}

function failure(id: string | null, errors: readonly SaveError[]): SaveResult {
  return { success: false, id, errors };
}

function defaults(catalog: FieldCatalog): RecordValues {
  const writable = catalog.all().filter((field) => field.createable && field.defaultValue !== null);
  return Object.fromEntries(writable.map((field) => [field.name, field.defaultValue]));
}

function withoutNulls(values: RecordValues): RecordValues {
  const kept: Record<string, FieldValue> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value !== null) kept[name] = value;
  }
  return kept;
}

/** The state that a transaction changes; `time` is its time in whole seconds, as epoch milliseconds. */
type TransactionState = {
  readonly catalog: FieldCatalog;
  readonly store: RecordStore;
  readonly userId: string;
  readonly time: number;
  readonly nextId: () => string;
  readonly isUser: (id: string) => boolean;
  /** The error of a valid write that is refused. */
  readonly refuse?: (before: OrgRecord | undefined, values: RecordValues) => SaveError | undefined;
  /** The error of every write. */
  readonly readOnly?: SaveError | undefined;
};

type Dml = TransactionState & {
  /** Records before their first write, in the order of that write. */
  readonly before: Map<string, OrgRecord | undefined>;
  readonly writes: RecordChange[];
};

export type RecordChange = {
  readonly id: string;
  /** Undefined for a record that this transaction created. */
  readonly before: OrgRecord | undefined;
  readonly after: OrgRecord | undefined;
};
