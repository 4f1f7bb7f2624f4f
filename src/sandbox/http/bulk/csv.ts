import type { FieldDefinition, FieldValue, OrgRecord } from '../../model.ts';

/** How the rows of a bulk result are written: every value in quotes, an empty one as `""`. */
export const csvWriter = (fields: readonly FieldDefinition[], lineEnding: 'LF' | 'CRLF'): CsvWriter => {
  const end = lineEnding === 'LF' ? '\n' : '\r\n';
  const columns = fields.map(({ name, type }) => ({ name, text: columnText(type) }));
  return {
    header: `${fields.map(({ name }) => `"${name}"`).join(',')}${end}`,
    rows: (records, from, to) => {
      let csv = '';
      for (let at = from; at < to; at += 1) {
        const values = records[at]?.values ?? {};
        let separator = '"';
        for (const { name, text } of columns) {
          csv += separator + text(values[name] ?? null);
          separator = '","';
        }
        csv += `"${end}`;
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
      return timeText((time) => new Date(time).toISOString());
    case 'date':
      return timeText((time) => new Date(time).toISOString().slice(0, 10));
    default:
      return (value) => {
        if (value === null) return '';
        const text = typeof value === 'string' ? value : String(value);
        return text.includes('"') ? text.replaceAll('"', '""') : text;
      };
  }
};

/** Neighbours in a column often have the same time, and writing one is slow. */
const timeText = (write: (time: number) => string) => {
  let lastTime: FieldValue = null;
  let lastText = '';
  return (value: FieldValue): string => {
    if (typeof value !== 'number') return '';
    if (value === lastTime) return lastText;
    lastTime = value;
    lastText = write(value);
    return lastText;
  };
};

export type CsvWriter = {
  readonly header: string;
  /** The records from one index up to another, that one not included. */
  rows(records: readonly OrgRecord[], from: number, to: number): string;
};
