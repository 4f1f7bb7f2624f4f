import { randomUUID } from 'node:crypto';
import type { EventField } from '../pubsub/avro-schema.ts';
import type { AddressedEvent, BusEvent } from '../pubsub/bus-events.ts';
import {
  type ChangeEvent,
  changeEvents,
  changeTypeOf,
  partsFor,
  type RecordChangeType,
} from '../pubsub/change-event.ts';
import type { ChangeEventHeader } from '../pubsub/change-event-codec.ts';
import type { Caller } from './model.ts';
import type { RecordChange } from './transaction.ts';

/** The events of one committed transaction, encoded and addressed. */
export function encodeCommit(commit: Commit, events: readonly SequencedEvent[]): AddressedEvent[] {
  const transactionKey = randomUUID();
  return events.map(({ entity, event, garble, id, sequenceNumber, ...place }) => {
    const { body, ...lists } = event;
    const header: ChangeEventHeader = {
      entityName: entity.name,
      ...lists,
      changeOrigin: commit.changeOrigin,
      transactionKey,
      sequenceNumber,
      commitTimestamp: BigInt(commit.time),
      commitNumber: commit.number,
      commitUser: commit.userId,
    };
    const { encode, schemaId } = entity.writer;
    const encoded = { id: id ?? randomUUID(), schemaId, payload: encode(header, body) };
    return { topic: entity.topic, ...place, event: garble?.(encoded) ?? encoded };
  });
}

/** The events of a transaction: its changes, and one GAP_OVERFLOW after the limit. */
export function eventsOf(
  changes: readonly RecordChange[],
  layout: readonly EventField[],
  { overflowAfter, sendsDiffs }: EventOptions,
): ChangeEvent[] {
  let weight = 0;
  const overflowAt = changes.findIndex((change) => {
    weight += weightOf(change, layout);
    return weight > overflowAfter;
  });
  if (overflowAt === -1) return changeEvents(changes, layout, sendsDiffs);
  const published = changeEvents(changes.slice(0, overflowAt), layout, sendsDiffs);
  return [...published, headerOnly('GAP_OVERFLOW', [NO_RECORD])];
}

/** The gap events of changes that bypass the application servers: ids without values. */
export function gapsOf(changes: readonly RecordChange[]): ChangeEvent[] {
  const idsByType = new Map<RecordChangeType, string[]>();
  for (const change of changes) {
    const changeType = changeTypeOf(change);
    if (changeType === undefined) continue;
    const ids = idsByType.get(changeType);
    if (ids === undefined) idsByType.set(changeType, [change.id]);
    else ids.push(change.id);
  }
  return [...idsByType].map(([changeType, ids]) => headerOnly(`GAP_${changeType}`, ids));
}

/** An event without values. */
export function headerOnly(changeType: ChangeEvent['changeType'], recordIds: readonly string[]): ChangeEvent {
  return { changeType, recordIds, changedFields: [], nulledFields: [], diffFields: [], body: {} };
}

/** `com/salesforce/api/rest/66.0;client=Name` */
export function changeOriginOf(caller: Caller): string {
  const client = caller.client === null ? '' : `;client=${caller.client}`;
  return `com/salesforce/api/${caller.api}/${caller.apiVersion}${client}`;
}

/** Creating, deleting and undeleting count once; an update counts each changed field. */
function weightOf(change: RecordChange, layout: readonly EventField[]): number {
  const { before, after } = change;
  if (changeTypeOf(change) !== 'UPDATE') return changeTypeOf(change) === undefined ? 0 : 1;
  return layout.filter((entry) => {
    const parts = partsFor(entry, after?.values ?? {});
    const names = parts.length === 0 ? [entry.field.name] : parts.map((part) => part.field.name);
    return names.some((name) => before?.values[name] !== after?.values[name]);
  }).length;
}

/** The record id of a GAP_OVERFLOW. */
const NO_RECORD = '000000000000000AAA';

export type Commit = {
  /** Whole seconds, as epoch milliseconds. */
  readonly time: number;
  readonly number: bigint;
  readonly userId: string;
  readonly changeOrigin: string;
};

/** How changes become events. */
type EventOptions = {
  /** Changes in one transaction after which one GAP_OVERFLOW replaces the rest. */
  readonly overflowAfter: number;
  /** Whether small changes of long texts are sent as diffs. */
  readonly sendsDiffs: boolean;
};

/** A change event with its place in the transaction and its topic. */
export type SequencedEvent = Pick<AddressedEvent, 'joined' | 'except'> & {
  readonly entity: EventEntity;
  readonly event: ChangeEvent;
  /** From 1 within the transaction. */
  readonly sequenceNumber: number;
  /** Instead of the topic of its entity. */
  readonly topic?: string;
  /** A new UUID by default. */
  readonly id?: string;
  readonly garble?: (event: BusEvent) => BusEvent;
};

/** An object with change events: its name, its topic and its encoder. */
export type EventEntity = { readonly name: string; readonly topic: string; readonly writer: EventWriter };

type EventWriter = {
  readonly schemaId: string;
  readonly encode: (header: ChangeEventHeader, body: ChangeEvent['body']) => Buffer;
};
