import type { NumberedEvent } from '../pubsub/bus-events.ts';
import type { FieldChange, NewField } from './field-catalog.ts';
import type { FieldValue, OrgRecord } from './model.ts';

/** One line of JSON: bytes as base64, big numbers as text. */
export function encodeEntry(entry: JournalEntry): string {
  if (entry.op !== 'commit') return JSON.stringify(entry);
  const { commitNumber, events, ...rest } = entry;
  return JSON.stringify({ ...rest, commitNumber: commitNumber?.toString(), events: events.map(encodeEvent) });
}

export function decodeEntry(line: string): JournalEntry {
  const stored: StoredEntry = JSON.parse(line);
  if (stored.op !== 'commit') return stored;
  const { commitNumber, events, ...rest } = stored;
  return {
    ...rest,
    ...(commitNumber !== undefined && { commitNumber: BigInt(commitNumber) }),
    events: events.map(decodeEvent),
  };
}

function encodeEvent({ replayId, at, topic, event, except }: NumberedEvent): object {
  const place = { replayId: replayId.toString('base64'), at, topic };
  if (event === null) return place;
  const { id, schemaId, payload } = event;
  return { ...place, except, id, schemaId, payload: Buffer.from(payload).toString('base64') };
}

function decodeEvent(stored: StoredEvent): NumberedEvent {
  const place = { replayId: Buffer.from(stored.replayId, 'base64'), at: stored.at };
  if (stored.topic === null) return { ...place, topic: null, event: null };
  const { topic, id, schemaId, payload, except } = stored;
  const event = { id, schemaId, payload: Buffer.from(payload, 'base64') };
  return { ...place, topic, ...(except && { except }), event };
}

export type JournalEntry = CommitEntry | PlainEntry;

/** Records and events of one commit, and the counters after it. */
export type CommitEntry = {
  readonly op: 'commit';
  readonly lastOrdinal?: number;
  readonly commitNumber?: bigint;
  readonly records?: readonly OrgRecord[];
  readonly events: readonly NumberedEvent[];
};

export type PlainEntry =
  | { readonly op: 'seed'; readonly count: number; readonly seed: number; readonly firstOrdinal: number }
  | { readonly op: 'expire' }
  | { readonly op: 'changeField'; readonly name: string; readonly change: FieldChange }
  | { readonly op: 'removeField'; readonly name: string }
  | ({ readonly op: 'recalculate' } & Recalculation)
  | { readonly op: 'field'; readonly field: NewField }
  | { readonly op: 'schema'; readonly id: string; readonly json: string };

/** A new result of a formula, in all records unless ids are given. */
export type Recalculation = {
  readonly name: string;
  readonly value: FieldValue;
  readonly recordIds?: readonly string[];
};

type StoredEntry =
  | PlainEntry
  | (Omit<CommitEntry, 'commitNumber' | 'events'> & {
      readonly commitNumber?: string;
      readonly events: readonly StoredEvent[];
    });

type StoredEvent = { readonly replayId: string; readonly at: number } & (
  | { readonly topic: null }
  | {
      readonly topic: string;
      readonly except?: readonly string[];
      readonly id: string;
      readonly schemaId: string;
      readonly payload: string;
    }
);
