import type { BusEvent } from '../pubsub/bus-types.ts';
import type { ChangeEvent } from '../pubsub/change-event.ts';
import type { Caller, OrgRecord, RecordValues, SaveError } from './model.ts';

/** Misbehaviour of an org on purpose, asked anew on each occasion. */
export type OrgFaults = {
  /** Why a write is refused that the org would take. */
  readonly refuseWrite?: (write: AttemptedWrite) => SaveError | undefined;
  /** Why an automation of the org fails for every record of a collection. */
  readonly refuseCollection?: (collection: AttemptedCollection) => SaveError | undefined;
  /** Why nothing may be written at all just now. */
  readonly refuseAll?: (caller: Caller) => SaveError | undefined;
  /** Changes in a transaction after which the rest is an overflow. */
  readonly overflowAfter?: () => number | undefined;
  /** Whether a change is told as a gap. */
  readonly isGap?: (event: ChangeEvent) => boolean;
  /** Whether an event never reaches the bus. */
  readonly isLost?: (event: ChangeEvent) => boolean;
  /** What becomes of the bytes of an event; undefined leaves them alone. */
  readonly garble?: (event: ChangeEvent) => ((encoded: BusEvent) => BusEvent) | undefined;
  /** Whether the events of a transaction come with their sequence numbers out of order. */
  readonly isReordered?: () => boolean;
  /** Channels that tell each record by itself, with fields that did not change. */
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

export type AttemptedCollection = {
  readonly caller: Caller;
  /** The names of the accounts that it would write. */
  readonly names: readonly string[];
};

export type Enrichment = {
  readonly channel: string;
  /** Shown in updates and deletions whether they changed or not. */
  readonly fields: readonly string[];
  /** Whether the events of one merged change share their event id too. */
  readonly sharesEventId: boolean;
};
