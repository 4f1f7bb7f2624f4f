import { createHash } from 'node:crypto';
import type { Scalar } from './change-event.ts';
import { fromRest } from './field-value.ts';
import { type AccountRead, type ReadPlan, type RestRow, toRead } from './records.ts';

/**
 * The query of a bulk job and its columns. Compound fields are read by their parts, because Bulk refuses them. The column
 * order is derived from `mark` and identifies the job, because jobs have no name.
 */
export function bulkQuery(
  plan: ReadPlan,
  mark: string,
  where: string | null,
): { soql: string; columns: string[] } {
  const columns = sortByMark(mark, columnsOf(plan));
  const condition = where === null ? '' : ` WHERE ${where}`;
  return { soql: `SELECT ${columns.join(', ')} FROM Account${condition}`, columns };
}

function columnsOf({ names, types, parts }: ReadPlan): string[] {
  const columns = names.flatMap((name) => {
    if (!isCompound(types.get(name))) return [name];
    return [...(parts.get(name)?.values() ?? [])];
  });
  return [...new Set(columns)];
}

function isCompound(type: string | undefined): boolean {
  return type === 'address' || type === 'location';
}

function sortByMark(mark: string, columns: readonly string[]): string[] {
  const hash = (column: string): string => createHash('sha256').update(`${mark} ${column}`).digest('hex');
  const hashes = new Map(columns.map((column) => [column, hash(column)]));
  return [...columns].sort((a, b) => ((hashes.get(a) ?? '') < (hashes.get(b) ?? '') ? -1 : 1));
}

/** Converts a row of a bulk result. @param columns from the header row of its page */
export function parseBulkRow(
  columns: readonly string[],
  cells: readonly string[],
  plan: ReadPlan,
): AccountRead {
  const row: Record<string, unknown> = {};
  for (const [index, column] of columns.entries()) {
    row[column] = fromCsv(cells[index] ?? '', plan.types.get(column) ?? 'string');
  }
  return toRead(withCompounds(row, plan), plan);
}

function withCompounds(row: RestRow, { types, parts }: ReadPlan): RestRow {
  const whole: Record<string, unknown> = { ...row };
  for (const [compound, own] of parts) {
    if (!isCompound(types.get(compound))) continue;
    whole[compound] = Object.fromEntries([...own].map(([part, field]) => [part, row[field] ?? null]));
  }
  return whole;
}

/** Bulk results are text; an empty text is null. Source: "Query Results", Bulk API 2.0 guide. */
function fromCsv(text: string, type: string): Scalar {
  if (text === '') return null;
  if (type === 'boolean') return text === 'true';
  if (numberTypes.has(type)) return toNumber(text);
  return fromRest(text, type);
}

/** NaN and infinity stay text: JSON would turn them into null. */
function toNumber(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

const numberTypes = new Set(['int', 'long', 'double', 'currency', 'percent']);
