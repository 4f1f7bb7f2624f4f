import type { BulkJobInfo, UnfinishedState } from './bulk-job.ts';

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
