import type { Visibility } from '../faults/http-faults.ts';
import type { OrgRecord } from './model.ts';
import type { SimulatorOrg } from './org.ts';

/** The org as reads by the integration user see it. */
export function visibleOrg(org: SimulatorOrg, { isInDeleteLog, isVisible }: Visibility): VisibleOrg {
  return {
    ...org,
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
