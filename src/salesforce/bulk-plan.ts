import { createHash } from 'node:crypto';
import type { Scalar } from './change-event.ts';
import { capitalise, fromRest } from './field-value.ts';
import { AccountRead, isCompound, masterField, personParts, type ReadPlan } from './records.ts';

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

function sortByMark(mark: string, columns: readonly string[]): string[] {
  const hash = (column: string): string => createHash('sha256').update(`${mark} ${column}`).digest('hex');
  const hashes = new Map(columns.map((column) => [column, hash(column)]));
  return [...columns].sort((a, b) => ((hashes.get(a) ?? '') < (hashes.get(b) ?? '') ? -1 : 1));
}

/**
 * Creates a function that converts rows of a page of bulk results.
 * @param columns from the header row of the page
 */
export function bulkReader(
  columns: readonly string[],
  plan: ReadPlan,
): (cells: readonly string[]) => AccountRead {
  const { paths, types } = plan;
  const sources = sourcesOf(plan);
  const indexOf = new Map(columns.map((column, index) => [column, index]));
  const at = (column: string | undefined): number => indexOf.get(column ?? '') ?? -1;
  const indexes = paths.map((path) => at(sources.get(path)));
  const converters = paths.map((path) => converterOf(types.get(sources.get(path) ?? '')));
  const name = paths.indexOf('Name');
  const nameParts = paths.flatMap((path, index) => (path.startsWith('Name.') ? [index] : []));
  const [id, deleted, modified] = [at('Id'), at('IsDeleted'), at('SystemModstamp')];
  return (cells) => {
    const scalars: Scalar[] = [];
    for (let path = 0; path < indexes.length; path++) {
      const text = cells[indexes[path] as number];
      scalars.push(text === undefined || text === '' ? null : (converters[path] as Converter)(text));
    }
    // The name of a person has parts.
    if (nameParts.some((part) => scalars[part] !== null)) scalars[name] = null;
    const row = { id: cells[id], deleted: cells[deleted] === 'true', systemModstamp: cells[modified] };
    return new AccountRead(row, scalars, plan);
  };
}

/** The column of each path. A compound field itself has none. */
function sourcesOf({ fields, types, parts }: ReadPlan): Map<string, string> {
  const sources = new Map([[masterField, masterField]]);
  for (const field of fields) {
    const { name } = field;
    if (!isCompound(types.get(name))) {
      sources.set(name, name);
      for (const part of personParts(field, types)) sources.set(`${name}.${part}`, part);
    } else {
      for (const [part, column] of parts.get(name) ?? []) sources.set(`${name}.${capitalise(part)}`, column);
    }
  }
  return sources;
}

type Converter = (text: string) => Scalar;

/** Bulk results are text; an empty text is null. Source: "Query Results", Bulk API 2.0 guide. */
function converterOf(type = 'string'): Converter {
  if (type === 'boolean') return (text) => text === 'true';
  if (numberTypes.has(type)) return toNumber;
  return (text) => fromRest(text, type);
}

/** NaN and infinity stay text: JSON would turn them into null. */
function toNumber(text: string): number | string {
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
}

const numberTypes = new Set(['int', 'long', 'double', 'currency', 'percent']);
