import type { QueryRows } from './bulk-rows.ts';

/** UploadComplete: waits for its turn. InProgress: has read its rows. The others are final. */
export type BulkJobState = UnfinishedState | 'JobComplete' | 'Failed' | 'Aborted';

export type UnfinishedState = 'UploadComplete' | 'InProgress';

/** A bulk query job as the log keeps it: without its rows. */
export type BulkJobInfo = {
  /** 18 characters, prefix 750. */
  readonly id: string;
  readonly operation: 'query' | 'queryAll';
  readonly query: string;
  readonly lineEnding: 'LF' | 'CRLF';
  /** `66.0`; results are given to this version only. */
  readonly apiVersion: string;
  readonly userId: string;
  /** From the call options; null when the client did not say. */
  readonly client: string | null;
  /** Epoch milliseconds. */
  readonly createdAt: number;
  readonly modifiedAt: number;
  readonly state: BulkJobState;
  readonly errorMessage: string | null;
  /** How many rows its result has; 0 until it has read them. */
  readonly rows: number;
  /** Milliseconds in progress. */
  readonly processingMs: number;
  /** How many pages of its result were asked for and sent, repeated ones included. */
  readonly pages: number;
  /** Whether clients no longer find it: deleted, vanished or too old. */
  readonly isGone: boolean;
};

export type BulkJob = {
  readonly info: { -readonly [Key in keyof BulkJobInfo]: BulkJobInfo[Key] };
  /** The result; undefined before the job has run. Rows are never changed in place, so this is how they were. */
  result: QueryRows | undefined;
  /** Pages after which it vanishes; null: never. */
  pagesToLive: number | null;
  timer: NodeJS.Timeout | undefined;
};

export const isUnfinished = (state: BulkJobState): state is UnfinishedState =>
  state === 'UploadComplete' || state === 'InProgress';

/** Misbehaviour of bulk query jobs on purpose, asked anew on each occasion. */
export type BulkFaults = {
  /** Milliseconds that a new job takes beyond the usual. */
  delayMs(job: BulkJobInfo): number;
  /** Whether a job stays in the state it is in, until `onRelease` calls. */
  isHeld(job: BulkJobInfo, state: UnfinishedState): boolean;
  onRelease(listener: () => void): void;
  /** Why a job fails that could complete. */
  errorMessage(job: BulkJobInfo): string | undefined;
  /** Whether a job finds nothing although there is something. */
  isResultEmpty(job: BulkJobInfo): boolean;
  /** Whether somebody aborts a job that could complete. */
  isAborted(job: BulkJobInfo): boolean;
  /** Pages after which a job that completes is gone; 0 for at once. */
  pagesToLive(job: BulkJobInfo): number | undefined;
  /** What goes wrong with a page that begins at this row. */
  page(start: number): PageFaults;
};

export type PageFaults = {
  /** Rows at most. */
  readonly maxRows?: number;
  /** The connection breaks after so many rows. */
  readonly cutAfter?: number;
  /** So many of the promised rows never come, though the page ends cleanly. */
  readonly missing?: number;
  /** The page comes in pieces of so many rows, each so much later. */
  readonly trickle?: { readonly rows: number; readonly delayMs: number };
};
