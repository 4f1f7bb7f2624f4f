/**
 * - `stream`: changes do not reach the event log
 * - `apply`: stored events are not applied
 * - `database`: the database does not answer
 * - `topic`: the topic is known not to carry changes of Account
 */
export type FaultArea = 'stream' | 'apply' | 'database' | 'topic';

/** A failure that lasts: from its first occurrence to the next success. */
export type Fault = {
  readonly code: string;
  /** The words of Salesforce or PostgreSQL: for callers with a key. */
  readonly message: string;
  /** What an operator does about it, as one sentence. */
  readonly action: string;
  /** Whether it stays until a person has changed something. */
  readonly needsPerson?: boolean;
  readonly since: Date;
};

/** What this process alone knows; it stays true while the database takes no writes. */
export type ProcessFault = Fault & { readonly area: FaultArea };

/** A cause without a time. */
export type Cause = Omit<Fault, 'since'>;

/** Everything that the verdict depends on. */
export type HealthFacts = {
  readonly now: Date;
  readonly topic: string;
  readonly faults: readonly ProcessFault[];
  /** `table.column` of what existed at the start and is gone. */
  readonly missingColumns: readonly string[];
  /** Undefined without a read replica. */
  readonly replicaServes: boolean | undefined;
  /** By how much the clock of this machine is ahead of Salesforce's, in milliseconds; null if unknown. */
  readonly clockAheadMs: number | null;
  /** Null if the database did not answer. */
  readonly stored: StoredFacts | null;
};

/** What the tables say. */
export type StoredFacts = {
  readonly isReadOnly: boolean;
  /** Null if no process has followed the topic yet. */
  readonly subscription: SubscriptionFacts | null;
  /** When the oldest event was received that waits to be applied for the first time. */
  readonly oldestWaitingAt: Date | null;
  /** When an event was applied last. */
  readonly lastAppliedAt: Date | null;
  /** The latest initial load; null if none was requested. */
  readonly initialLoad: InitialLoadFacts | null;
  readonly incidents: readonly { readonly cause: string; readonly count: number; readonly since: Date }[];
  /** Failed codes by error code. */
  readonly failedCodes: readonly {
    readonly code: string;
    readonly message: string;
    readonly count: number;
    readonly since: Date | null;
  }[];
  readonly writeBack: {
    readonly state: string;
    readonly code: string;
    readonly message: string;
    readonly since: Date;
  } | null;
  /** Resyncs that a person has to confirm. */
  readonly unconfirmedResyncs: readonly { readonly id: string; readonly since: Date }[];
  /** The latest comparison of all accounts, if it failed. */
  readonly failedComparison: {
    readonly id: string;
    readonly error: string;
    readonly since: Date;
    readonly action: string | null;
  } | null;
  /** Repairs that Tidemark ordered without an incident and that failed; they are retried. */
  readonly failedRepairs: readonly {
    readonly id: string;
    readonly reason: string;
    readonly error: string;
    readonly since: Date;
    readonly action: string | null;
  }[];
  /** Accounts whose re-read fails and is retried. */
  readonly failingRereads: { readonly count: number; readonly since: Date; readonly error: string } | null;
  readonly failedMaintenance: readonly {
    readonly task: string;
    readonly error: string;
    readonly since: Date;
  }[];
  /** When the latest complete read of all accounts was sent. */
  readonly readThrough: Date | null;
  /** Up to when the latest comparison has shown the mirror to equal Salesforce. */
  readonly verifiedThrough: Date | null;
};

export type SubscriptionFacts = {
  readonly state: string;
  readonly stateSince: Date;
  readonly outage: Fault | null;
  readonly applyFault: Fault | null;
  readonly loadedAt: Date | null;
  /** The latest sign of life of the process that follows the topic; null if there never was one. */
  readonly renewedAt: Date | null;
  /** When nothing was last known to be left on the bus or in the log. */
  readonly currentAt: Date | null;
  /** The commit time of the newest event of the stream that has been applied. */
  readonly watermarkAt: Date | null;
};

export type InitialLoadFacts = {
  readonly state: string;
  readonly read: number;
  readonly expected: number | null;
  readonly since: Date;
  readonly error: string | null;
  readonly cause: Cause | null;
  readonly isWaitingForBudget: boolean;
};
