/** The text is not CSV, or ends within a record. */
export class CsvError extends Error {}

/** Parses CSV that arrives in parts. */
export type CsvParser = {
  /** @returns the records that are complete. @throws CsvError */
  push(text: string): string[][];
  /** Ends the text. @returns the last record, if no line end follows it. @throws CsvError */
  end(): string[][];
};

// The long texts of one record have up to 1.6 million characters.
const maxRecordLength = 16_000_000;

const quote = 0x22;
const comma = 0x2c;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;

/**
 * Creates a parser of comma-separated records that end with LF or CRLF. All records have as many cells as the first one.
 * Source: RFC 4180.
 */
export function createCsvParser(): CsvParser {
  let rest = '';
  let width = 0;
  const parse = (text: string, isEnd: boolean): string[][] => {
    const records: string[][] = [];
    let from = 0;
    while (from < text.length) {
      const cells: string[] = [];
      const next = readRecord(text, from, isEnd, cells);
      if (next === -1) break;
      if (width === 0) width = cells.length;
      if (cells.length !== width)
        throw new CsvError(`a record has ${cells.length} cells instead of ${width}`);
      records.push(cells);
      from = next;
    }
    rest = text.slice(from);
    if (rest.length > maxRecordLength) throw new CsvError('a record is too long');
    return records;
  };
  return {
    push: (text) => parse(rest + text, false),
    end() {
      const records = parse(rest, true);
      if (rest !== '') throw new CsvError('a quote is not closed');
      return records;
    },
  };
}

/** Adds the cells of a record. @returns where the next record begins; -1 if the record is incomplete */
function readRecord(text: string, from: number, isEnd: boolean, cells: string[]): number {
  for (let at = from; ; at++) {
    const end = text.charCodeAt(at) === quote ? quotedEnd(text, at) : plainEnd(text, at);
    // A quote at the end may be the first half of an escaped one, and a CR that of a line end.
    if (end === -1 || (!isEnd && end >= text.length - 1 && text.charCodeAt(end) !== lineFeed)) return -1;
    cells.push(text.charCodeAt(at) === quote ? unquoted(text, at, end) : text.slice(at, end));
    at = end;
    const code = text.charCodeAt(at);
    if (code === comma) continue;
    if (code === lineFeed) return at + 1;
    if (code === carriageReturn && text.charCodeAt(at + 1) === lineFeed) return at + 2;
    if (at >= text.length) return at;
    throw new CsvError('a quote is in the wrong place');
  }
}

/** The position after the closing quote; -1 if there is none. */
function quotedEnd(text: string, from: number): number {
  for (let at = from + 1; ; at += 2) {
    at = text.indexOf('"', at);
    if (at === -1) return -1;
    if (text.charCodeAt(at + 1) !== quote) return at + 1;
  }
}

function unquoted(text: string, from: number, end: number): string {
  const content = text.slice(from + 1, end - 1);
  return content.includes('"') ? content.replaceAll('""', '"') : content;
}

/** The position of the comma, the line end, the end of the text, or a quote that is not allowed. */
function plainEnd(text: string, from: number): number {
  let at = from;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === comma || code === lineFeed || code === quote) break;
  }
  const isLineEnd = text.charCodeAt(at) === lineFeed && text.charCodeAt(at - 1) === carriageReturn;
  return isLineEnd && at > from ? at - 1 : at;
}
