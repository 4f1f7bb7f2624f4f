/**
 * - `stream`: changes do not reach the event log
 * - `apply`: stored events are not applied
 * - `database`: the database does not answer
 * - `topic`: the channel of the topic does not select an object that is needed
 */
export type FaultArea = 'stream' | 'apply' | 'database' | 'topic';

/** A lasting failure, from its first occurrence to the next success. */
export type Fault = {
  readonly code: string;
  /** The message of Salesforce or PostgreSQL: not public. */
  readonly message: string;
  /** What an operator should do, as one sentence. */
  readonly action: string;
  /** Whether it lasts until an operator acts. */
  readonly needsPerson?: boolean;
  readonly since: Date;
};

/** A fault in the memory of this process, available while the database takes no writes. */
export type ProcessFault = Fault & { readonly area: FaultArea };

/** A cause without a time. */
export type Cause = Omit<Fault, 'since'>;

/** The input of the verdict. */
export type HealthFacts = {
  readonly now: Date;
  readonly topic: string;
  readonly faults: readonly ProcessFault[];
  /** `table.column` of each column that existed at startup and is missing. */
  readonly missingColumns: readonly string[];
  /** PostgreSQL's message if the table of accounts or one of its views is missing. */
  readonly missingTable?: string;
  /** Undefined without a read replica. */
  readonly replicaServes: boolean | undefined;
  /** By how much the clock of this machine is ahead of Salesforce's, in milliseconds; null if unknown. */
  readonly clockAheadMs: number | null;
  /** Null if the database did not answer. */
  readonly stored: StoredFacts | null;
};

/** The facts in the database. */
export type StoredFacts = {
  readonly isReadOnly: boolean;
  /** Null if no process has followed the topic yet. */
  readonly subscription: SubscriptionFacts | null;
  /** When the oldest event was received that has not been tried yet. */
  readonly oldestWaitingAt: Date | null;
  /** When an event was applied last. */
  readonly lastAppliedAt: Date | null;
  /** The latest initial load; null if none was requested. */
  readonly initialLoad: InitialLoadFacts | null;
  readonly incidents: readonly {
    readonly cause: string;
    readonly count: number;
    readonly since: Date;
    /** Of the oldest one, if the cause is `schema changed`; otherwise null. */
    readonly detail?: string | null;
  }[];
  /** When the oldest schema of events arrived since whose arrival the fields were not compared with Salesforce. */
  readonly uncheckedSchemaAt: Date | null;
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
  /** Resyncs that need a confirmation. */
  readonly unconfirmedResyncs: readonly { readonly id: string; readonly since: Date }[];
  /** The latest comparison of all accounts, if it failed. */
  readonly failedComparison: {
    readonly id: string;
    readonly error: string;
    readonly since: Date;
    readonly action: string | null;
  } | null;
  /** Failed resyncs that Tidemark requested without an incident; they are retried. */
  readonly failedRepairs: readonly {
    readonly id: string;
    readonly reason: string;
    readonly error: string;
    readonly since: Date;
    readonly action: string | null;
  }[];
  /** Accounts whose re-read is being retried. */
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
  /** The latest heartbeat of the process that holds the subscription; null before the first one. */
  readonly renewedAt: Date | null;
  /** When the bus and the event log were last known to be empty. */
  readonly currentAt: Date | null;
  /** Whether the stream is open, quiet and caught up, and all its events are applied, as its holder last saved it. */
  readonly isCurrent: boolean;
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
