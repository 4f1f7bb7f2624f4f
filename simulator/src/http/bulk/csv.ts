import { mask } from '../../org/mask.ts';
import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import { timeOfDay } from '../record-json.ts';

/** Writes the rows of a bulk result: every value in quotes, an empty one as `""`. */
export const csvWriter = (fields: readonly FieldDefinition[], lineEnding: 'LF' | 'CRLF'): CsvWriter => {
  const end = lineEnding === 'LF' ? '\n' : '\r\n';
  const columns = fields.map(({ name, type }) => ({ name, text: columnText(type) }));
  /** By number of empty values: the separator between two values. Most values are empty. */
  const between = Array.from({ length: fields.length + 1 }, (_, empty) => `"${',""'.repeat(empty)},"`);
  const first = between.map((text) => text.slice(2));
  const last = between.map((text) => `${text.slice(0, -2)}${end}`);
  return {
    header: `${fields.map(({ name }) => `"${name}"`).join(',')}${end}`,
    rows: (records, from, to) => {
      let csv = '';
      for (let at = from; at < to; at += 1) {
        const values = records[at]?.values ?? {};
        let empty = 0;
        let separators = first;
        for (const { name, text } of columns) {
          const written = text(values[name] ?? null);
          if (written === '') {
            empty += 1;
            continue;
          }
          csv += separators[empty];
          csv += written;
          separators = between;
          empty = 0;
        }
        csv += separators === first ? `${'"",'.repeat(empty).slice(0, -1)}${end}` : last[empty];
      }
      return csv;
    },
  };
};

const columnText = (type: FieldDefinition['type']): ((value: FieldValue) => string) => {
  switch (type) {
    case 'boolean':
      return (value) => (value === true ? 'true' : 'false');
    case 'datetime':
      return (value) => (typeof value === 'number' ? isoTime(value) : '');
    case 'date':
      return (value) => (typeof value === 'number' ? isoDate(value) : '');
    case 'time':
      return (value) => (typeof value === 'number' ? timeOfDay(value) : '');
    case 'encryptedstring':
      return (value) => String(mask(value) ?? '');
    default:
      return (value) => {
        if (value === null) return '';
        const text = typeof value === 'string' ? value : String(value);
        return text.includes('"') ? text.replaceAll('"', '""') : text;
      };
  }
};

/**
 * `new Date(time).toISOString()`, but several times faster for whole seconds: a bulk result has millions.
 */
export const isoTime = (time: number): string => {
  const day = Math.floor(time / dayMs);
  const second = (time - day * dayMs) / 1000;
  if (!Number.isInteger(second)) return new Date(time).toISOString();
  return `${isoDay(day)}T${minutes[Math.floor(second / 60)]}${seconds[second % 60]}`;
};

/** `2026-11-23` of epoch milliseconds. */
export const isoDate = (time: number): string => isoDay(Math.floor(time / dayMs));

const isoDay = (day: number): string => {
  const known = days.get(day);
  if (known !== undefined) return known;
  if (days.size >= maxDays) days.clear();
  const text = new Date(day * dayMs).toISOString().slice(0, -'T00:00:00.000Z'.length);
  days.set(day, text);
  return text;
};

const dayMs = 86_400_000;
const maxDays = 40_000;
const days = new Map<number, string>();
const pad = (number: number): string => String(number).padStart(2, '0');
const minutes = Array.from({ length: 1440 }, (_, at) => `${pad(Math.floor(at / 60))}:${pad(at % 60)}:`);
const seconds = Array.from({ length: 60 }, (_, at) => `${pad(at)}.000Z`);

type CsvWriter = {
  readonly header: string;
  /** The records from `from` to `to`, exclusive. */
  rows(records: readonly OrgRecord[], from: number, to: number): string;
};
