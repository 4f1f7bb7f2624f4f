import type { OrgFaults } from '../org/org-faults.ts';
import type { BusEvent } from '../pubsub/bus-types.ts';
import type { ChangeEvent } from '../pubsub/change-event.ts';
import type { CallSwitches } from './call-switches.ts';
import type { EventSwitches } from './event-switches.ts';
import type { RecordSwitches } from './record-switches.ts';

/** The switches as the org asks them. */
export function orgFaults(
  events: EventSwitches,
  records: RecordSwitches,
  calls: CallSwitches,
  otherSchemaId: () => string,
): OrgFaults {
  return {
    refuseWrite: records.refuse,
    refuseCollection: calls.refuseCollection,
    refuseAll: calls.refuseAll,
    overflowAfter: () => events.overflow.strike()?.after,
    isGap: (event) => events.gap.strike(concerns(event)) !== undefined,
    isLost: (event) => events.lost.strike(concerns(event)) !== undefined,
    garble(event) {
      const garbling = events.undecodable.strike(concerns(event));
      return garbling && ((encoded) => garbled(encoded, garbling.how, otherSchemaId()));
    },
    isReordered: () => events.reordered.strike() !== undefined,
    enrichments: () =>
      events.enriched
        .all()
        .map(({ channel, fields = [], sharesEventId = false }) => ({ channel, fields, sharesEventId })),
    delayMs: () => events.delayed.strike()?.delayMs ?? 0,
  };
}

function concerns({ changeType, recordIds }: ChangeEvent) {
  return (which: Which): boolean =>
    (which.changeTypes?.some((type) => type === changeType) ?? true) &&
    (which.recordIds?.some((id) => recordIds.includes(id)) ?? true);
}

function garbled(event: BusEvent, how: string, otherSchemaId: string): BusEvent {
  switch (how) {
    case 'cut':
      return { ...event, payload: event.payload.subarray(0, event.payload.length >> 1) };
    case 'flipped':
      return { ...event, payload: event.payload.map((byte) => byte ^ 0xff) };
    case 'other-schema':
      return { ...event, schemaId: otherSchemaId };
    default:
      return { ...event, schemaId: UNKNOWN_SCHEMA_ID };
  }
}

const UNKNOWN_SCHEMA_ID = 'AAAAAAAAAAAAAAAAAAAAAA';

type Which = { readonly changeTypes?: readonly string[]; readonly recordIds?: readonly string[] };
