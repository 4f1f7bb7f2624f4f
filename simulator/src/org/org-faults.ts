import type { BusEvent } from '../pubsub/bus-events.ts';
import type { ChangeEvent } from '../pubsub/change-event.ts';
import type { Caller, OrgRecord, RecordValues, SaveError } from './model.ts';

/** Faults of an org; each function is called on every occasion. */
export type OrgFaults = {
  /** The error of a write that would succeed. */
  readonly refuseWrite?: (write: AttemptedWrite) => SaveError | undefined;
  /** The error of every record of a collection, if an automation fails. */
  readonly refuseCollection?: (collection: AttemptedCollection) => SaveError | undefined;
  /** The error of every write, if the org is read-only. */
  readonly refuseAll?: (caller: Caller) => SaveError | undefined;
  /** Changes in a transaction after which one GAP_OVERFLOW replaces the rest. */
  readonly overflowAfter?: () => number | undefined;
  /** Whether a change becomes a gap event. */
  readonly isGap?: (event: ChangeEvent) => boolean;
  /** Whether events have no values of a field, because the subscriber cannot see it. */
  readonly isWithheld?: (field: string) => boolean;
  /** Whether an event never reaches the bus. */
  readonly isLost?: (event: ChangeEvent) => boolean;
  /** How the bytes of an event are changed; undefined: not at all. */
  readonly garble?: (event: ChangeEvent) => ((encoded: BusEvent) => BusEvent) | undefined;
  /** Whether the sequence numbers of a transaction are reversed. */
  readonly isReordered?: () => boolean;
  /** Channels with one event per record and fields that did not change. */
  readonly enrichments?: () => readonly Enrichment[];
  /** Milliseconds before events are visible. */
  readonly delayMs?: () => number;
};

export type AttemptedWrite = {
  readonly caller: Caller;
  /** The record as it is; undefined for an insert. */
  readonly before: OrgRecord | undefined;
  readonly values: RecordValues;
};

type AttemptedCollection = {
  readonly caller: Caller;
  /** The names of the accounts in it. */
  readonly names: readonly string[];
};

export type Enrichment = {
  readonly channel: string;
  /** Fields in every update and deletion, changed or not. */
  readonly fields: readonly string[];
  /** Whether the events of one merged change also share their event id. */
  readonly sharesEventId: boolean;
};
