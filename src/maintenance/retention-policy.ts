import { type Version, zeroVersion } from '../apply/version.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** How long things are kept, in milliseconds. What is still open is kept whatever its age. */
export type RetentionPolicy = {
  /** Events that were applied or passed over; undefined keeps them for ever. */
  readonly eventsMs: number | undefined;
  /** What was sent to Salesforce for a code, once the code is settled. */
  readonly attemptsMs: number;
  /** Resyncs that ended, with the differences that they found. */
  readonly resyncsMs: number;
  readonly incidentsMs: number;
  /**
   * The version of a single field. The event bus keeps events for 72 hours, and may linger: what is older than that and a
   * day does not come any more.
   */
  readonly versionsMs: number;
};

/** A day less than this and the bus could bring an event again that is deleted already. */
export const minEventDays = 4;

export const defaultRetention: RetentionPolicy = {
  eventsMs: undefined,
  attemptsMs: 180 * dayMs,
  resyncsMs: 180 * dayMs,
  incidentsMs: 365 * dayMs,
  versionsMs: minEventDays * dayMs,
};

/** @param eventDays as in `EVENT_RETENTION_DAYS`: 0 is for ever */
export function retentionPolicy(eventDays: number): RetentionPolicy {
  return { ...defaultRetention, eventsMs: eventDays === 0 ? undefined : eventDays * dayMs };
}

/** Every version of a commit up to that moment. */
export function horizonAt(epochMs: number): Version {
  return epochMs <= 0 ? zeroVersion : [epochMs, 0n, 0, 0];
}
