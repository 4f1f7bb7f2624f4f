import fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvWriter, isoDate, isoTime } from '../../../src/http/bulk/csv.ts';
import { defineField } from '../../../src/org/field-catalog.ts';
import { readCsv } from './bulk-client.ts';

const fields = ['A', 'B', 'C', 'D'].map((name) => defineField({ name, type: 'string' }));
const text = fc.option(fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', 'ü', '🦊') }));
const rows = fc.array(fc.tuple(text, text, text, text), { maxLength: 5 });

it('each row is read as it was written, whatever the values', () => {
  fc.assert(
    fc.property(rows, fc.constantFrom('LF' as const, 'CRLF' as const), (values, lineEnding) => {
      const records = values.map(([A, B, C, D]) => ({ id: '', isDeleted: false, values: { A, B, C, D } }));
      const writer = csvWriter(fields, lineEnding);
      const written = writer.header + writer.rows(records, 0, records.length);
      const expected = values.map((row) => row.map((value) => value ?? ''));
      expect(readCsv(written)).toEqual([['A', 'B', 'C', 'D'], ...expected]);
    }),
  );
});

it('a time of day is text, and an encrypted text is masked', () => {
  const columns = [
    defineField({ name: 'A', type: 'time' }),
    defineField({ name: 'B', type: 'encryptedstring' }),
  ];
  const record = { id: '', isDeleted: false, values: { A: 30_600_000, B: 'secret' } };
  expect(csvWriter(columns, 'LF').rows([record], 0, 1)).toBe('"08:30:00.000Z","******"\n');
});

it('times and dates are formatted like a Date', () => {
  const time = fc.oneof(fc.integer({ min: -1e12, max: 4e12 }), fc.integer({ min: -1e9, max: 4e9 }));
  fc.assert(
    fc.property(time, fc.boolean(), (number, whole) => {
      const value = whole ? Math.round(number / 1000) * 1000 : number;
      const iso = new Date(value).toISOString();
      expect([isoTime(value), isoDate(value)]).toEqual([iso, iso.slice(0, 10)]);
    }),
  );
});
