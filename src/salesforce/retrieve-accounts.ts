import type { Connection } from 'jsforce';
import { restAnswer } from './deadline.ts';
import { SalesforceError } from './error.ts';
import { fitsAddress, maxQueryMs, queryRows } from './query-pages.ts';
import { checkedId, parseRecordId } from './record-id.ts';
import type { RestRow } from './records.ts';

/**
 * Accounts by id with any number of fields. Their names go in the body, which is not limited like an address is. That
 * resource shows no deleted records: those that it does not find are queried, a part of the fields at a time.
 * Source: "Get Multiple Records with Fields Using sObject Collections", REST API guide.
 * @throws SalesforceError
 */
export async function retrieveAccounts(
  connection: Connection,
  names: readonly string[],
  ids: readonly string[],
): Promise<RestRow[]> {
  const request = connection.request<readonly (RestRow | null)[]>({
    method: 'POST',
    url: '/composite/sobjects/Account',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ids: ids.map(checkedId), fields: names }),
  });
  const answer = await restAnswer(request, maxQueryMs, 'the retrieval of accounts');
  if (!Array.isArray(answer)) throw badAnswer('Salesforce answered something else than a list of records');
  const found = answer.filter((row) => row !== null);
  const unfound = idsBeyond(ids, found);
  return unfound.length === 0 ? found : [...found, ...(await queryInParts(connection, names, unfound))];
}

// One query for the ids, and the others for the fields that do not fit into it.
const maxIds = 200;
// A record that changes between all of so many tries changes without a pause.
const maxTries = 5;

/**
 * Accounts by id, deleted ones included, by several queries that each select a part of the fields. The parts of a record
 * belong together only if no change lies between them.
 */
async function queryInParts(
  connection: Connection,
  names: readonly string[],
  ids: readonly string[],
): Promise<RestRow[]> {
  const rows: RestRow[] = [];
  for (let start = 0; start < ids.length; start += maxIds) {
    let open = ids.slice(start, start + maxIds);
    for (let tries = 0; open.length > 0; tries++) {
      if (tries === maxTries) throw badAnswer(`${open.join(', ')} changed while being read in parts`);
      const { whole, changed } = mergeParts(await readParts(connection, names, open));
      rows.push(...whole);
      open = changed;
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
    // What the first part does not find is nowhere in Salesforce.
    if (parts.length === 1) present = rows.map(idOf);
  }
  return parts;
}

const inEveryPart = ['Id', 'SystemModstamp'];

/** Lists of fields that each fit into a query of so many ids. Every list names the record and its stamp. */
export function splitFields(names: readonly string[], idCount: number): string[][] {
  const condition = idCondition(Array(idCount).fill('001000000000000AAA'));
  const fits = (part: readonly string[]) =>
    fitsAddress(`SELECT ${part.join(', ')} FROM Account WHERE ${condition}`);
  const parts: string[][] = [];
  for (const name of names.filter((one) => !inEveryPart.includes(one))) {
    const last = parts.at(-1);
    if (last !== undefined && fits([...last, name])) last.push(name);
    else parts.push([...inEveryPart, name]);
  }
  return parts;
}

/** Rows of the same record put together; those whose parts come from different states are to be read again. */
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

function idsBeyond(ids: readonly string[], rows: readonly RestRow[]): string[] {
  const found = new Set(rows.map(idOf));
  return ids.map(checkedId).filter((id) => !found.has(id));
}

function idOf(row: RestRow): string {
  return parseRecordId(String(row['Id'])) ?? String(row['Id']);
}

export function idCondition(ids: readonly string[]): string {
  return `Id IN (${ids.map((id) => `'${checkedId(id)}'`).join(', ')})`;
}

function badAnswer(message: string): SalesforceError {
  return new SalesforceError(message, 'BAD_ANSWER', 'transient');
}
