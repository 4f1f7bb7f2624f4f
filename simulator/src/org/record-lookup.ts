import type { FieldCatalog } from './field-catalog.ts';
import type { OrgRecord, RecordValues, SaveError } from './model.ts';
import { keyPrefixOf, toLongId } from './record-id.ts';
import type { RecordStore } from './record-store.ts';
import { saveErrors } from './save-errors.ts';

/** The account with this id, deleted or not, or the error of DML on it. */
export function findAccount(store: RecordStore, id: string): FoundAccount {
  const longId = toLongId(id);
  if (longId === undefined || keyPrefixOf(longId) !== '001') {
    return { ok: false, id: null, error: saveErrors.malformedId('Account ID', 'Id', id) };
  }
  const record = store.get(longId);
  return record === undefined
    ? { ok: false, id: longId, error: saveErrors.invalidReference() }
    : { ok: true, record };
}

export function findLiveAccount(store: RecordStore, id: string): FoundAccount {
  const found = findAccount(store, id);
  return found.ok && found.record.isDeleted
    ? { ok: false, id: found.record.id, error: saveErrors.deleted() }
    : found;
}

/** The error of the first unique field with the value of another live record than `self`. */
export function findDuplicate(
  catalog: FieldCatalog,
  store: RecordStore,
  values: RecordValues,
  self: string | null,
): SaveError | undefined {
  for (const field of catalog.all()) {
    const value = field.unique ? (values[field.name] ?? null) : null;
    if (value === null) continue;
    const holder = store.liveIdsWith(field.name, value).find((id) => id !== self);
    if (holder !== undefined) return saveErrors.duplicate(field.name, holder);
  }
  return undefined;
}

type FoundAccount =
  | { readonly ok: true; readonly record: OrgRecord }
  | { readonly ok: false; readonly id: string | null; readonly error: SaveError };
