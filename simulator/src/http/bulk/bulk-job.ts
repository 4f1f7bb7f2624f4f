import type { QueryRows } from './bulk-rows.ts';

/** UploadComplete: waiting. InProgress: the rows have been read. The others are final. */
export type BulkJobState = UnfinishedState | 'JobComplete' | 'Failed' | 'Aborted';

type UnfinishedState = 'UploadComplete' | 'InProgress';

/** A bulk query job without its rows, as in the log. */
export type BulkJobInfo = {
  /** 18 characters, prefix 750. */
  readonly id: string;
  readonly operation: 'query' | 'queryAll';
  readonly query: string;
  readonly lineEnding: 'LF' | 'CRLF';
  /** `66.0`; only this version can read the results. */
  readonly apiVersion: string;
  readonly userId: string;
  /** From the call options; null if absent. */
  readonly client: string | null;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly state: BulkJobState;
  readonly errorMessage: string | null;
  /** Rows of its result; 0 until they are read. */
  readonly rows: number;
  /** Milliseconds in progress. */
  readonly processingMs: number;
  /** Number of pages sent, including repeated ones. */
  readonly pages: number;
  /** Whether clients can no longer find it: deleted, vanished or expired. */
  readonly isGone: boolean;
};

export type BulkJob = {
  readonly info: { -readonly [Key in keyof BulkJobInfo]: BulkJobInfo[Key] };
  /** The result; undefined until the job has run. Records are immutable, so this is a snapshot. */
  result: QueryRows | undefined;
  /** Pages after which it is removed; null: never. */
  pagesToLive: number | null;
  timer: NodeJS.Timeout | undefined;
};

export const isUnfinished = (state: BulkJobState): state is UnfinishedState =>
  state === 'UploadComplete' || state === 'InProgress';

/** Faults of bulk query jobs; each function is called on every occasion. */
export type BulkFaults = {
  /** Additional duration of a new job in milliseconds. */
  delayMs(job: BulkJobInfo): number;
  /** Whether a job stays in its state until `onRelease` calls back. */
  isHeld(job: BulkJobInfo, state: UnfinishedState): boolean;
  onRelease(listener: () => void): void;
  /** The error of a job that would complete. */
  errorMessage(job: BulkJobInfo): string | undefined;
  /** Whether a job has an empty result. */
  isResultEmpty(job: BulkJobInfo): boolean;
  /** Whether a job that would complete is aborted. */
  isAborted(job: BulkJobInfo): boolean;
  /** Pages after which a complete job is removed; 0: immediately. */
  pagesToLive(job: BulkJobInfo): number | undefined;
  /** Faults of the page that begins at this row. */
  page(start: number): PageFaults;
};

export type PageFaults = {
  /** Maximum number of rows. */
  readonly maxRows?: number;
  /** Rows after which the connection breaks. */
  readonly cutAfter?: number;
  /** Announced rows that are missing although the page ends cleanly. */
  readonly missing?: number;
  /** Rows of each piece, and the delay before it. */
  readonly trickle?: { readonly rows: number; readonly delayMs: number };
};
