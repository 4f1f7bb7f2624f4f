export type Batch = { readonly events: readonly DeliveredEvent[]; readonly next: number };

export type BusEntry = NumberedEvent & { readonly counter: bigint };

export type DeliveredEvent = BusEvent & { readonly replayId: Uint8Array };

export type ReadLimit = { readonly events: number; readonly bytes: number };

export type Topic = {
  readonly name: string;
  /** The topics whose events this one carries, including itself. */
  readonly carries: ReadonlySet<string>;
  /** Empty for channels, which can carry several objects. */
  readonly schemaId: () => string;
};

export type BusEvent = { readonly id: string; readonly schemaId: string; readonly payload: Uint8Array };

export type AddressedEvent = {
  readonly topic: string;
  readonly event: BusEvent;
  /** Topics that carry `topic`, but not this event. */
  readonly except?: readonly string[];
  /** Whether it has the replay id of the previous event. */
  readonly joined?: boolean;
};

/** An event with its replay id; without an event it only advances the newest replay id. */
export type NumberedEvent = { readonly replayId: Buffer; readonly at: number } & (
  | Pick<AddressedEvent, 'topic' | 'event' | 'except'>
  | { readonly topic: null; readonly event: null; readonly except?: never }
);
