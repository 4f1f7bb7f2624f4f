import { type Version, zeroVersion } from '../apply/version.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Retention in milliseconds. Open incidents, unfinished resyncs and unconfirmed codes are kept regardless of their age.
 */
export type RetentionPolicy = {
  /** Applied and skipped events; undefined keeps them permanently. */
  readonly eventsMs: number | undefined;
  /** Write attempts of codes that are confirmed or removed. */
  readonly attemptsMs: number;
  /** Finished resyncs and their differences. */
  readonly resyncsMs: number;
  readonly incidentsMs: number;
  /** Requests that changed something, notifications, and changes of the verdict. */
  readonly operationsMs: number;
  /**
   * Versions of single fields. Events arrive up to 72 hours late, the retention of the event bus, plus a margin of a
   * day.
   */
  readonly versionsMs: number;
};

/** Minimum retention of events: with less, the event bus could deliver a deleted event again. */
export const minEventDays = 4;

export const defaultRetention: RetentionPolicy = {
  eventsMs: undefined,
  attemptsMs: 180 * dayMs,
  resyncsMs: 180 * dayMs,
  incidentsMs: 365 * dayMs,
  operationsMs: 90 * dayMs,
  versionsMs: minEventDays * dayMs,
};

/** @param eventDays as in `EVENT_RETENTION_DAYS`: 0 keeps events permanently */
export function retentionPolicy(eventDays: number): RetentionPolicy {
  return { ...defaultRetention, eventsMs: eventDays === 0 ? undefined : eventDays * dayMs };
}

/** The horizon for folding: versions of commits before this time. */
export function horizonAt(epochMs: number): Version {
  return epochMs <= 0 ? zeroVersion : [epochMs, 0n, 0, 0];
}
