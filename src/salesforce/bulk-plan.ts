import { createHash } from 'node:crypto';
import type { Scalar } from './change-event.ts';
import { fromRest } from './field-value.ts';
import { type AccountRead, type ReadPlan, type RestRow, toRead } from './records.ts';

/**
 * The query of a bulk job and its columns. Bulk refuses compound fields, so they are read by their parts. The order
 * of the columns is drawn from `mark`: by it a job is known again although a job carries no name of ours.
 */
export function bulkQuery(
  plan: ReadPlan,
  mark: string,
  where: string | null,
): { soql: string; columns: string[] } {
  const columns = inOrderOf(mark, columnsOf(plan));
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

function inOrderOf(mark: string, columns: readonly string[]): string[] {
  const place = (column: string): string => createHash('sha256').update(`${mark} ${column}`).digest('hex');
  return columns
    .map((column) => ({ column, at: place(column) }))
    .sort((a, b) => (a.at < b.at ? -1 : 1))
    .map(({ column }) => column);
}

/** One row of a bulk result; `columns` as its page heads them. */
export function readBulkRow(
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

/** In a bulk result everything is text, and an empty text is no value. Source: "Query Results", Bulk API 2.0 guide. */
function fromCsv(text: string, type: string): Scalar {
  if (text === '') return null;
  if (type === 'boolean') return text === 'true';
  if (numberTypes.has(type)) return toNumber(text);
  return fromRest(text, type);
}

/** What is no number that JSON knows stays as it came: else it would silently become empty. */
function toNumber(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

const numberTypes = new Set(['int', 'long', 'double', 'currency', 'percent']);
