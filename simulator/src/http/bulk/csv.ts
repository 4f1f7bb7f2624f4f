import type { FieldDefinition, FieldValue, OrgRecord } from '../../org/model.ts';
import { isoDate, isoTime } from './iso-time.ts';

/** How the rows of a bulk result are written: every value in quotes, an empty one as `""`. */
export const csvWriter = (fields: readonly FieldDefinition[], lineEnding: 'LF' | 'CRLF'): CsvWriter => {
  const end = lineEnding === 'LF' ? '\n' : '\r\n';
  const columns = fields.map(({ name, type }) => ({ name, text: columnText(type) }));
  /** What stands between two values with so many empty ones in between: most values are empty. */
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
    default:
      return (value) => {
        if (value === null) return '';
        const text = typeof value === 'string' ? value : String(value);
        return text.includes('"') ? text.replaceAll('"', '""') : text;
      };
  }
};

export type CsvWriter = {
  readonly header: string;
  /** The records from one index up to another, that one not included. */
  rows(records: readonly OrgRecord[], from: number, to: number): string;
};
