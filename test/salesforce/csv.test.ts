import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCsvParser } from '../../src/salesforce/csv.ts';
import { runs } from '../helpers/property.ts';

/** Parses a text that arrives in parts. */
const parse = (...parts: string[]): string[][] => {
  const parser = createCsvParser();
  return [...parts.flatMap((part) => parser.push(part)), ...parser.end()];
};

const formatCell = (cell: string, isQuoted: boolean): string =>
  isQuoted || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;

const cell = fc.oneof(
  fc.constantFrom('', ' ', '"', '""', ',', '\n', '\r\n', '\r', 'null', '\ufeff', '😀'),
  fc.string({ unit: 'binary', maxLength: 8 }),
);

describe('the CSV parser', () => {
  it('any cells are parsed as they were written, wherever the text is divided', () => {
    fc.assert(
      fc.property(
        fc
          .integer({ min: 2, max: 4 })
          .chain((width) =>
            fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
          ),
        fc.array(fc.nat(60), { maxLength: 6 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        fc.boolean(),
        (rows, cuts, lineEnd, isQuoted, endsWithLine) => {
          const lines = rows.map((row) => row.map((each) => formatCell(each, isQuoted)).join(','));
          const text = lines.join(lineEnd) + (endsWithLine ? lineEnd : '');
          const places = [0, ...cuts.sort((a, b) => a - b), text.length];
          const parts = places.slice(1).map((place, index) => text.slice(places[index], place));
          expect(parse(...parts)).toEqual(rows);
        },
      ),
      runs,
    );
  });

  it.each([
    ['a quote that is not closed', '"a","b"\n"1","2', 'a quote is not closed'],
    ['a quote within a cell', 'a,b\n1,2"3"\n', 'a quote is in the wrong place'],
    ['text after a closing quote', '"a","b"\n"1"2,"3"\n', 'a quote is in the wrong place'],
    ['a record with too few cells', 'a,b\n1\n', 'a record has 1 cells instead of 2'],
    ['a record with too many cells', 'a,b\n1,2,3\n', 'a record has 3 cells instead of 2'],
  ])('%s is refused', (_, text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  it('an empty text has no records', () => {
    expect(parse('')).toEqual([]);
  });
});
