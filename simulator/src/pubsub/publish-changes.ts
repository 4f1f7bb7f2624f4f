import { randomUUID } from 'node:crypto';
import { type EventEntity, headerOnly, type ToldEvent } from '../org/commit.ts';
import type { OrgRecord } from '../org/model.ts';
import type { Enrichment, OrgFaults } from '../org/org-faults.ts';
import type { EventField } from './avro-schema.ts';
import { bodyOf, type ChangeEvent, type ChangeType } from './change-event.ts';

/** Puts the change events of a transaction into sequence, as subscribers are to hear of them, faults included. */
export function tell(events: readonly EntityEvent[], world: TellingWorld): ToldEvent[] {
  const { faults } = world;
  const reordered = events.length > 1 && (faults.isReordered?.() ?? false);
  const enrichments = faults.enrichments?.() ?? [];
  return events.flatMap(({ entity, event: original }, index): ToldEvent[] => {
    if (faults.isLost?.(original)) return [];
    const event = faults.isGap?.(original) ? gapOf(original) : original;
    const garble = faults.garble?.(event);
    const sequenceNumber = reordered ? events.length - index : index + 1;
    const plain = { entity, event, sequenceNumber, ...(garble && { garble }) };
    const rich = ENRICHED_TYPES.has(event.changeType) && entity.name === 'Account' ? enrichments : [];
    if (rich.length === 0) return [plain];
    const except = rich.map(({ channel }) => channel);
    return [{ ...plain, except }, ...rich.flatMap((enrichment) => enriched(plain, enrichment, world))];
  });
}

/** One event a record under one replay id, on the enriched channel alone. */
function enriched(plain: ToldEvent, enrichment: Enrichment, world: TellingWorld): ToldEvent[] {
  const { channel, fields, sharesEventId } = enrichment;
  const layout = world.layout.filter(({ field }) => fields.includes(field.name));
  const id = randomUUID();
  return plain.event.recordIds.map((recordId, index) => {
    const body = { ...bodyOf(world.record(recordId)?.values ?? {}, layout), ...plain.event.body };
    const event: ChangeEvent = { ...plain.event, recordIds: [recordId], body };
    return { ...plain, event, topic: channel, joined: index > 0, ...(sharesEventId && { id }) };
  });
}

function gapOf({ changeType, recordIds }: ChangeEvent): ChangeEvent {
  return headerOnly(GAPS[changeType] ?? changeType, recordIds);
}

const ENRICHED_TYPES: ReadonlySet<ChangeType> = new Set(['UPDATE', 'DELETE']);

const GAPS: Partial<Record<ChangeType, ChangeType>> = {
  CREATE: 'GAP_CREATE',
  UPDATE: 'GAP_UPDATE',
  DELETE: 'GAP_DELETE',
  UNDELETE: 'GAP_UNDELETE',
};

export type EntityEvent = { readonly entity: EventEntity; readonly event: ChangeEvent };

export type TellingWorld = {
  readonly faults: OrgFaults;
  readonly layout: readonly EventField[];
  /** The account as the transaction leaves it. */
  readonly record: (id: string) => OrgRecord | undefined;
};
