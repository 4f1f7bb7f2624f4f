import { randomUUID } from 'node:crypto';
import { type EventEntity, headerOnly, type SequencedEvent } from '../org/commit.ts';
import type { OrgRecord } from '../org/model.ts';
import type { Enrichment, OrgFaults } from '../org/org-faults.ts';
import type { EventField } from './avro-schema.ts';
import { bodyOf, type ChangeEvent, type ChangeType } from './change-event.ts';

/** Numbers the change events of a transaction and applies the faults of events. */
export function sequenceEvents(events: readonly EntityEvent[], world: SequenceContext): SequencedEvent[] {
  const { faults } = world;
  const reordered = events.length > 1 && (faults.isReordered?.() ?? false);
  const enrichments = faults.enrichments?.() ?? [];
  return events.flatMap(({ entity, event: original }, index): SequencedEvent[] => {
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

/** One event per record under one replay id, only on the enriched channel. */
function enriched(plain: SequencedEvent, enrichment: Enrichment, world: SequenceContext): SequencedEvent[] {
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

type SequenceContext = {
  readonly faults: OrgFaults;
  readonly layout: readonly EventField[];
  /** The account after the transaction. */
  readonly record: (id: string) => OrgRecord | undefined;
};
