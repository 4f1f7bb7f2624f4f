import type { Visibility } from '../faults/http-faults.ts';
import type { FieldDefinition, OrgRecord } from './model.ts';
import type { SimulatorOrg } from './org.ts';

/** The org as reads by the integration user see it. */
export function visibleOrg(
  org: SimulatorOrg,
  { isFieldVisible, isInDeleteLog, isVisible }: Visibility,
): VisibleOrg {
  let visible: readonly FieldDefinition[] = [];
  return {
    ...org,
    // The same list until it changes, because indexes are built from it.
    fields() {
      const next = org.fields().filter(isFieldVisible);
      if (next.length !== visible.length || next.some((field, at) => field !== visible[at])) visible = next;
      return visible;
    },
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

export type VisibleOrg = SimulatorOrg & {
  /** The deleted records that the log of deletions names. */
  deletions(): Iterable<OrgRecord>;
};
