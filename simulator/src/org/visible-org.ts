import type { Visibility } from '../faults/http-faults.ts';
import type { FieldDefinition, Org, OrgRecord, RecordValues, SaveResult, Transaction } from './model.ts';
import type { SimulatorOrg } from './org.ts';
import { saveErrors } from './save-errors.ts';

/** The org as the integration user sees it. */
export function visibleOrg(
  org: SimulatorOrg,
  { isFieldVisible, isInDeleteLog, isVisible }: Visibility,
): VisibleOrg {
  let visible: readonly FieldDefinition[] = [];
  const isHidden = (name: string): boolean => {
    const field = org.field(name);
    return field !== undefined && !isFieldVisible(field);
  };
  return {
    ...org,
    // The same list until it changes, because indexes are built from it.
    fields() {
      const next = org.fields().filter(isFieldVisible);
      if (next.length !== visible.length || next.some((field, at) => field !== visible[at])) visible = next;
      return visible;
    },
    transaction: (caller, work) => org.transaction(caller, (tx) => work(writingVisible(tx, isHidden))),
    get size() {
      return org.size;
    },
    record(id) {
      const record = org.record(id);
      return record !== undefined && isVisible(record) ? record : undefined;
    },
    *records() {
      for (const record of org.records()) if (isVisible(record)) yield record;
    },
    *deletions() {
      for (const record of org.records()) if (record.isDeleted && isInDeleteLog(record)) yield record;
    },
  };
}

/** To a user who cannot see a field, writing it is the same as writing an unknown field. */
function writingVisible(tx: Transaction, isHidden: (field: string) => boolean): Transaction {
  const checked = (id: string | null, values: RecordValues, write: () => SaveResult): SaveResult => {
    const hidden = Object.keys(values).find(isHidden);
    if (hidden === undefined) return write();
    return { success: false, id, errors: [saveErrors.unknownField(hidden)] };
  };
  return {
    ...tx,
    insert: (values) => checked(null, values, () => tx.insert(values)),
    update: (id, values) => checked(id, values, () => tx.update(id, values)),
    upsert: (field, externalId, values) => checked(null, values, () => tx.upsert(field, externalId, values)),
  };
}

export type VisibleOrg = Org & {
  /** The deleted records that the log of deletions names. */
  deletions(): Iterable<OrgRecord>;
};
