import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import type { DateFunction } from './syntax.ts';

/** A part of a time in UTC, as Salesforce takes it unless a query converts time zones. */
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

/** Hours have only times. */
export const hasDatePart = (fn: DateFunction, { type }: FieldDefinition): boolean =>
  type === 'datetime' || (type === 'date' && fn !== 'HOUR_IN_DAY');

const parts: Readonly<Record<DateFunction, (time: number) => number>> = {
  CALENDAR_YEAR: (time) => dayOf(time).getUTCFullYear(),
  CALENDAR_MONTH: (time) => dayOf(time).getUTCMonth() + 1,
  DAY_IN_MONTH: (time) => dayOf(time).getUTCDate(),
  HOUR_IN_DAY: (time) => Math.floor((time - Math.floor(time / DAY_MS) * DAY_MS) / HOUR_MS),
};

/** A million accounts have few days among them, and a Date takes long to make. */
const dayOf = (time: number): Date => {
  const day = Math.floor(time / DAY_MS);
  const known = days.get(day);
  if (known) return known;
  if (days.size >= MOST_DAYS) days.clear();
  const date = new Date(day * DAY_MS);
  days.set(day, date);
  return date;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MOST_DAYS = 40_000;
const days = new Map<number, Date>();
