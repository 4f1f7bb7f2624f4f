import type { Connection } from 'jsforce';
import { Type } from 'typebox';
import { badAnswer } from './error.ts';
import { fitsUrl, queryRows } from './query-pages.ts';
import { checkedId, parseRecordId } from './record-id.ts';
import type { RestRow } from './records.ts';
import { callRest, jsonRequest } from './rest-call.ts';

/**
 * Reads accounts by id with any number of fields, whose names go into the body. This resource does not return deleted
 * records: the ids that it does not find are queried, with a part of the fields at a time.
 * Source: "Get Multiple Records with Fields Using sObject Collections", REST API guide.
 * @throws SalesforceError
 */
export async function retrieveAccounts(
  connection: Connection,
  names: readonly string[],
  ids: readonly string[],
): Promise<RestRow[]> {
  const body = { ids: ids.map(checkedId), fields: names };
  const request = jsonRequest('POST', '/composite/sobjects/Account', body);
  const answer = await callRest(connection, request, { shape: rowList });
  const found = answer.filter((row) => row !== null);
  const foundIds = new Set(found.map(idOf));
  const missing = ids.map(checkedId).filter((id) => !foundIds.has(id));
  return missing.length === 0 ? found : [...found, ...(await queryInParts(connection, names, missing))];
}

const rowList = Type.Array(
  Type.Union([Type.Unsafe<RestRow>(Type.Object({ Id: Type.String() })), Type.Null()]),
);

const maxIds = 200;
// A record that changes during each of them changes all the time.
const maxTries = 5;

/**
 * Reads accounts by id, including deleted ones, by several queries that each select a part of the fields. A record that
 * changes between the queries is read again.
 */
async function queryInParts(
  connection: Connection,
  names: readonly string[],
  ids: readonly string[],
): Promise<RestRow[]> {
  const rows: RestRow[] = [];
  for (let start = 0; start < ids.length; start += maxIds) {
    let pending = ids.slice(start, start + maxIds);
    for (let tries = 0; pending.length > 0; tries++) {
      if (tries === maxTries) throw badAnswer(`${pending.join(', ')} changed while being read in parts`);
      const { whole, changed } = mergeParts(await readParts(connection, names, pending));
      rows.push(...whole);
      pending = changed;
    }
  }
  return rows;
}

async function readParts(
  connection: Connection,
  names: readonly string[],
  ids: readonly string[],
): Promise<RestRow[][]> {
  const parts: RestRow[][] = [];
  let present = ids;
  for (const part of splitFields(names, ids.length)) {
    if (present.length === 0) break;
    const soql = `SELECT ${part.join(', ')} FROM Account WHERE ${idCondition(present)}`;
    const rows = await queryRows(connection, 'queryAll', soql);
    parts.push(rows);
    // Salesforce does not have what the first query does not find.
    if (parts.length === 1) present = rows.map(idOf);
  }
  return parts;
}

const inEveryPart = ['Id', 'SystemModstamp'];

/** Splits fields into lists that each fit into a query for `idCount` ids and include the id and the timestamp. */
export function splitFields(names: readonly string[], idCount: number): string[][] {
  const condition = idCondition(Array(idCount).fill('001000000000000AAA'));
  const fitsQuery = (part: readonly string[]) =>
    fitsUrl(`SELECT ${part.join(', ')} FROM Account WHERE ${condition}`);
  const parts: string[][] = [];
  for (const name of names.filter((one) => !inEveryPart.includes(one))) {
    const last = parts.at(-1);
    if (last !== undefined && fitsQuery([...last, name])) last.push(name);
    else parts.push([...inEveryPart, name]);
  }
  return parts;
}

/** Merges the parts of each record. `changed`: records whose parts have different timestamps. */
export function mergeParts(parts: readonly (readonly RestRow[])[]): {
  readonly whole: RestRow[];
  readonly changed: string[];
} {
  const [first = [], ...others] = parts.map((rows) => new Map(rows.map((row) => [idOf(row), row])));
  const whole: RestRow[] = [];
  const changed: string[] = [];
  for (const [id, row] of first) {
    const rest = others.map((part) => part.get(id));
    const isSame = rest.every((part) => part?.['SystemModstamp'] === row['SystemModstamp']);
    if (isSame) whole.push(Object.assign({}, row, ...rest));
    else changed.push(id);
  }
  return { whole, changed };
}

function idOf(row: RestRow): string {
  return parseRecordId(String(row['Id'])) ?? String(row['Id']);
}

export function idCondition(ids: readonly string[]): string {
  return `Id IN (${ids.map((id) => `'${checkedId(id)}'`).join(', ')})`;
}
