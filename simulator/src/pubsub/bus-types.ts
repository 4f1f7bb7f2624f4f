export type Batch = { readonly events: readonly DeliveredEvent[]; readonly next: number };

export type BusEntry = NumberedEvent & { readonly counter: bigint };

export type DeliveredEvent = BusEvent & { readonly replayId: Uint8Array };

export type ReadLimit = { readonly events: number; readonly bytes: number };

export type Topic = {
  readonly name: string;
  /** The topics whose events come through this one, itself included. */
  readonly carries: ReadonlySet<string>;
  /** Blank on channels that may carry several entities. */
  readonly schemaId: () => string;
};

export type BusEvent = { readonly id: string; readonly schemaId: string; readonly payload: Uint8Array };

export type AddressedEvent = {
  readonly topic: string;
  readonly event: BusEvent;
  /** Topics that carry the others of `topic`, but not this one. */
  readonly except?: readonly string[];
  /** Whether it shares the replay id of the one before it. */
  readonly joined?: boolean;
};

/** An event with its place on the bus; without an event it only moves the newest replay id on. */
export type NumberedEvent = { readonly replayId: Buffer; readonly at: number } & (
  | Pick<AddressedEvent, 'topic' | 'event' | 'except'>
  | { readonly topic: null; readonly event: null; readonly except?: never }
);
