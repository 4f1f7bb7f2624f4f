import type { RestSwitches } from '../faults/http-switches.ts';
import type { OrgRecord } from './model.ts';
import type { SimulatorOrg } from './org.ts';

/** The org as the integration user sees it: records that `rest.hiddenRecords` hides are not found by any read. */
export function visibleOrg(org: SimulatorOrg, { hiddenRecords }: HidingSwitches): VisibleOrg {
  const hiding = (record: OrgRecord) =>
    hiddenRecords
      .all()
      .filter(({ recordIds }) =>
        recordIds === undefined
          ? record.values['OwnerId'] !== org.named.integration.id
          : recordIds.includes(record.id),
      );
  const isVisible = (record: OrgRecord): boolean => hiding(record).length === 0;
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
      for (const record of org.records()) {
        if (record.isDeleted && hiding(record).every(({ inDeleteLog }) => inDeleteLog === true)) yield record;
      }
    },
  };
}

type HidingSwitches = Pick<RestSwitches, 'hiddenRecords'>;

export type VisibleOrg = SimulatorOrg & {
  /** The deleted records that the log of deletions names. */
  deletions(): Iterable<OrgRecord>;
};
