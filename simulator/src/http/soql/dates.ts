import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import type { DateFunction } from './syntax.ts';

/** A part of a time in UTC, as in Salesforce without `convertTimezone`. */
export const datePart = (
  fn: DateFunction,
  { name }: FieldDefinition,
): ((record: OrgRecord) => FieldValue) => {
  const part = parts[fn];
  return ({ values }) => {
    const time = values[name];
    return typeof time === 'number' ? part(time) : null;
  };
};

/** Only a datetime has hours. */
export const hasDatePart = (fn: DateFunction, { type }: FieldDefinition): boolean =>
  type === 'datetime' || (type === 'date' && fn !== 'HOUR_IN_DAY');

const parts: Readonly<Record<DateFunction, (time: number) => number>> = {
  CALENDAR_YEAR: (time) => dayOf(time).getUTCFullYear(),
  CALENDAR_MONTH: (time) => dayOf(time).getUTCMonth() + 1,
  DAY_IN_MONTH: (time) => dayOf(time).getUTCDate(),
  HOUR_IN_DAY: (time) => Math.floor((time - Math.floor(time / DAY_MS) * DAY_MS) / HOUR_MS),
};

/** Cached, because many records share few days and a Date is expensive. */
const dayOf = (time: number): Date => {
  const day = Math.floor(time / DAY_MS);
  const known = days.get(day);
  if (known) return known;
  if (days.size >= MAX_DAYS) days.clear();
  const date = new Date(day * DAY_MS);
  days.set(day, date);
  return date;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MAX_DAYS = 40_000;
const days = new Map<number, Date>();

/** The UTC days of a literal such as `LAST_N_DAYS:5`: `[from, to)` in epoch milliseconds. */
export const dateRange = (name: string, count: number, now: number): DateRange => {
  const today = Math.floor(now / DAY_MS) * DAY_MS;
  switch (name) {
    case 'YESTERDAY':
      return { from: today - DAY_MS, to: today };
    case 'TOMORROW':
      return { from: today + DAY_MS, to: today + 2 * DAY_MS };
    case 'LAST_N_DAYS':
      return { from: today - count * DAY_MS, to: today + DAY_MS };
    case 'NEXT_N_DAYS':
      return { from: today + DAY_MS, to: today + (count + 1) * DAY_MS };
    case 'N_DAYS_AGO':
      return { from: today - count * DAY_MS, to: today - (count - 1) * DAY_MS };
    default:
      return { from: today, to: today + DAY_MS };
  }
};

export type DateRange = { readonly from: number; readonly to: number };
