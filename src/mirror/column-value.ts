import type { Scalar } from '../salesforce/change-event.ts';

/** Types of the columns of mirrored fields. */
export const columnTypes = [
  'text',
  'boolean',
  'integer',
  'bigint',
  'numeric',
  'date',
  'time',
  'timestamptz',
] as const;

export type ColumnType = (typeof columnTypes)[number];

/**
 * Whether a column of this type stores the value exactly: what PostgreSQL returns is decoded to the same value. Other
 * values are stored in `additional_fields`. Null fits every type.
 */
export function fitsColumn(type: ColumnType, value: Scalar): boolean {
  if (value === null) return true;
  switch (type) {
    case 'text':
      return typeof value === 'string';
    case 'boolean':
      return typeof value === 'boolean';
    case 'integer':
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
    case 'bigint':
      return Number.isSafeInteger(value) || isLongText(value);
    case 'numeric':
      return Number.isFinite(value);
    case 'date':
      return typeof value === 'string' && dateForm.test(value) && isTime(`${value}T00:00:00.000Z`);
    case 'time':
      return typeof value === 'string' && timeForm.test(value) && isTime(`2000-01-01T${value}`);
    case 'timestamptz':
      return typeof value === 'string' && value.length === 24 && isTime(value);
  }
}

/** Decodes the text that PostgreSQL returns for a value of a column, with the session settings of the service. */
export function decodeColumn(type: ColumnType, text: string): Scalar {
  switch (type) {
    case 'boolean':
      return text === 't';
    case 'integer':
    case 'numeric':
      return Number(text);
    case 'bigint': {
      const number = Number(text);
      return Number.isSafeInteger(number) ? number : text;
    }
    case 'time':
      return `${text.slice(0, 8)}.${text.slice(9).padEnd(3, '0')}Z`;
    case 'timestamptz':
      // `2026-11-23 08:00:00.5+00`
      return `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, '0')}Z`;
    default:
      return text;
  }
}

/** SQL for the value of a column as JSON, in the form of change events. */
export function columnJson(type: ColumnType, column: string): string {
  switch (type) {
    case 'date':
      return `to_char(${column}, 'YYYY-MM-DD')`;
    case 'time':
      return `to_char(${column}, 'HH24:MI:SS.MS"Z"')`;
    case 'timestamptz':
      return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
    case 'bigint':
      return `case when ${column} between -9007199254740991 and 9007199254740991
        then to_jsonb(${column}) else to_jsonb(${column}::text) end`;
    default:
      return column;
  }
}

// Years 1 to 9999.
const dateForm = /^(?!0000)\d{4}-\d\d-\d\d$/;
const timeForm = /^\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whether the text is a time of the years 1 to 9999 as `toISOString` writes it. */
function isTime(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString() === text && !text.startsWith('0000');
}

/** A 64-bit integer beyond 2^53, which the mirror holds as text. */
function isLongText(value: Scalar): boolean {
  if (typeof value !== 'string' || !/^-?[1-9]\d{15,18}$/.test(value)) return false;
  return !Number.isSafeInteger(Number(value)) && BigInt.asIntN(64, BigInt(value)) === BigInt(value);
}
