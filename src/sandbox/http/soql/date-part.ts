import type { FieldDefinition, FieldValue, OrgRecord } from '../../model.ts';
import type { DateFunction } from './syntax.ts';

/** A part of a time in UTC, as Salesforce takes it unless a query converts time zones. */
export const datePart = (
  fn: DateFunction,
  { name }: FieldDefinition,
): ((record: OrgRecord) => FieldValue) => {
  const part = parts[fn];
  return ({ values }) => {
    const time = values[name];
    return typeof time === 'number' ? part(new Date(time)) : null;
  };
};

/** Hours have only times. */
export const hasDatePart = (fn: DateFunction, { type }: FieldDefinition): boolean =>
  type === 'datetime' || (type === 'date' && fn !== 'HOUR_IN_DAY');

const parts: Readonly<Record<DateFunction, (time: Date) => number>> = {
  CALENDAR_YEAR: (time) => time.getUTCFullYear(),
  CALENDAR_MONTH: (time) => time.getUTCMonth() + 1,
  DAY_IN_MONTH: (time) => time.getUTCDate(),
  HOUR_IN_DAY: (time) => time.getUTCHours(),
};
