import type { Connection } from 'jsforce';
import type { FieldValues, Scalar } from './change-event.ts';
import { restAnswer } from './deadline.ts';
import { SalesforceError } from './error.ts';
import { capitalise, fromRest } from './field-value.ts';
import { checkedId, parseRecordId } from './record-id.ts';
import type { SchemaField } from './writer-schema.ts';

/** Of an account that was merged into another one: that one. Only a reading of the deleted record shows it. */
export const masterField = 'MasterRecordId';

/** An account as REST shows it, in the terms of change events. */
export type AccountRead = {
  readonly id: string;
  readonly deleted: boolean;
  /** Epoch milliseconds. */
  readonly systemModstamp: number;
  readonly values: FieldValues;
};

export type DescribedField = {
  readonly name: string;
  readonly type: string;
  /** The compound field that this one is a part of: `BillingAddress` of `BillingCity`. */
  readonly compound?: string | null;
};

/** The fields of Account that this user can read. @throws SalesforceError */
export async function describeAccount(connection: Connection): Promise<DescribedField[]> {
  const { fields } = await call(connection.describe('Account'), 'describe');
  return fields.map(({ name, type, compoundFieldName }) => ({
    name,
    type,
    compound: compoundFieldName ?? null,
  }));
}

/** Who is signed in, and to which org. @throws SalesforceError */
export async function identify(connection: Connection): Promise<{ organizationId: string; userId: string }> {
  type UserInfo = { organization_id: string; user_id: string };
  const url = `${connection.instanceUrl}/services/oauth2/userinfo`;
  const info = await call(connection.request<UserInfo>(url), 'userinfo');
  return {
    organizationId: parseRecordId(info.organization_id) ?? info.organization_id,
    userId: parseRecordId(info.user_id) ?? info.user_id,
  };
}

/**
 * What to read so that a record carries the fields that change events carry, and no others: what no event ever
 * changes would grow old in the mirror.
 */
export type ReadPlan = {
  readonly select: string;
  readonly fields: readonly SchemaField[];
  readonly types: ReadonlyMap<string, string>;
  /** Where compound fields can't be read as a whole, the fields of their parts: `BillingAddress` → `City` → `BillingCity`. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, string>>;
};

export function planRead(mirrored: readonly SchemaField[], described: readonly DescribedField[]): ReadPlan {
  const types = new Map(described.map(({ name, type }) => [name, type]));
  const fields = mirrored.filter(({ name }) => types.has(name));
  const names = fields.flatMap((field) => [field.name, ...personParts(field, types)]);
  const master = types.has(masterField) ? [masterField] : [];
  const select = [...new Set(['Id', 'IsDeleted', 'SystemModstamp', ...names, ...master])].join(', ');
  return { select, fields, types, parts: partFields(described) };
}

function partFields(described: readonly DescribedField[]): Map<string, Map<string, string>> {
  const compounds = Map.groupBy(
    described.filter(
      ({ compound, name }) => compound !== null && compound !== undefined && compound !== name,
    ),
    ({ compound }) => String(compound),
  );
  return new Map(
    [...compounds].map(([compound, own]) => [
      compound,
      new Map(own.map(({ name }) => [partName(compound, name), name])),
    ]),
  );
}

/** `BillingAddress`, `BillingCity` → `City`; `Site__c`, `Site__Latitude__s` → `Latitude` */
export function partName(compound: string, field: string): string {
  const stem = compound.replace(/(Address|__c|__pc)$/, '');
  const own = field.startsWith(stem) ? field.slice(stem.length) : field;
  return own.replace(/^__/, '').replace(/__(s|ps|c|pc)$/, '');
}

/** Up to 200 accounts by id, deleted ones included; those that Salesforce doesn't find are missing. */
export async function readAccounts(
  connection: Connection,
  plan: ReadPlan,
  ids: readonly string[],
): Promise<AccountRead[]> {
  const reads: AccountRead[] = [];
  const list = ids.map((id) => `'${checkedId(id)}'`).join(', ');
  const soql = `SELECT ${plan.select} FROM Account WHERE Id IN (${list})`;
  for await (const page of pages(connection, 'queryAll', soql, (call) => call()))
    reads.push(...page.map((row) => toRead(row, plan)));
  return reads;
}

/** Where a reading in the order of change goes on: behind this record. */
export type ReadFrom = { readonly systemModstamp: number; readonly id: string };

/**
 * Every account changed at or after `from`, deleted ones included, page by page, in the order of change. Many records
 * share one stamp, so the id belongs to the place: going on behind the last record of any page misses nothing.
 */
export async function* readAccountsFrom(
  connection: Connection,
  plan: ReadPlan,
  from: Date | ReadFrom,
  ask: Ask = (call) => call(),
): AsyncGenerator<AccountRead[]> {
  const soql = `SELECT ${plan.select} FROM Account WHERE ${changedFrom(from)} ORDER BY SystemModstamp, Id`;
  for await (const page of pages(connection, 'queryAll', soql, ask))
    yield page.map((row) => toRead(row, plan));
}

/** Every account last modified in [`from`, `to`) that isn't deleted, page by page. */
export async function* readAccountsModified(
  connection: Connection,
  plan: ReadPlan,
  { from, to }: Span,
  ask: Ask = (call) => call(),
): AsyncGenerator<AccountRead[]> {
  const where = `LastModifiedDate >= ${from.toISOString()} AND LastModifiedDate < ${to.toISOString()}`;
  const soql = `SELECT ${plan.select} FROM Account WHERE ${where}`;
  for await (const page of pages(connection, 'query', soql, ask)) yield page.map((row) => toRead(row, plan));
}

export type Span = { readonly from: Date; readonly to: Date };

/** How many accounts Salesforce has, deleted ones included; those changed at or after a moment, where one is given. */
export async function countAccounts(connection: Connection, since: Date | null): Promise<number> {
  const where = since === null ? '' : ` WHERE ${changedFrom(since)}`;
  const url = `/queryAll?q=${encodeURIComponent(`SELECT COUNT() FROM Account${where}`)}`;
  return (await call(connection.request<QueryPage>(url), 'the count of accounts')).totalSize;
}

function changedFrom(from: Date | ReadFrom): string {
  if (from instanceof Date) return `SystemModstamp >= ${from.toISOString()}`;
  const at = new Date(from.systemModstamp).toISOString();
  return `(SystemModstamp > ${at} OR (SystemModstamp = ${at} AND Id > '${checkedId(from.id)}'))`;
}

/** Carries out one call to Salesforce, when there is room for it. */
export type Ask = <T>(call: () => Promise<T>) => Promise<T>;

// Salesforce answers up to 2,000 records at once. Decoded they take tens of megabytes, for as long as they wait.
const recordsAtOnce = 500;

/** Only `done` says that a result is complete; pages have whatever size Salesforce chooses. */
async function* pages(
  connection: Connection,
  resource: 'query' | 'queryAll',
  soql: string,
  ask: Ask,
): AsyncGenerator<RestRow[]> {
  let url: string | undefined = `/${resource}?q=${encodeURIComponent(soql)}`;
  while (url !== undefined) {
    const next: string = url;
    const page: QueryPage = await ask(() => call(connection.request<QueryPage>(next), resource));
    for (let start = 0; start === 0 || start < page.records.length; start += recordsAtOnce)
      yield page.records.slice(start, start + recordsAtOnce);
    if (!page.done && page.nextRecordsUrl === undefined) {
      throw new SalesforceError(`${resource} broke off: there is no next page`, 'BAD_ANSWER', 'transient');
    }
    url = page.done ? undefined : page.nextRecordsUrl;
  }
}

/** A row as REST shows it; compound fields as objects. */
export function toRead(row: RestRow, { fields, types }: ReadPlan): AccountRead {
  const values = new Map<string, Scalar>();
  for (const field of fields) {
    const type = types.get(field.name) ?? 'string';
    if (type === 'address' || type === 'location') setCompound(values, field, row[field.name]);
    else setPlain(values, field, row, types);
  }
  const master = row[masterField] ?? null;
  if (master !== null) values.set(masterField, fromRest(master, 'reference'));
  return {
    id: parseRecordId(String(row['Id'])) ?? String(row['Id']),
    deleted: row['IsDeleted'] === true,
    systemModstamp: Date.parse(String(row['SystemModstamp'])),
    values,
  };
}

/** `{ street, city }` in REST is `Street`, `City` in change events. */
function setCompound(values: Map<string, Scalar>, { name, parts }: SchemaField, value: unknown): void {
  const compound = new Map(
    Object.entries(value ?? {}).map(([part, content]) => [capitalise(part), fromRest(content, 'string')]),
  );
  values.set(name, null);
  for (const part of parts) values.set(`${name}.${part}`, compound.get(part) ?? null);
}

/** A person's name comes in parts, as in change events; a company's as one text. */
function setPlain(
  values: Map<string, Scalar>,
  field: SchemaField,
  row: RestRow,
  types: ReadonlyMap<string, string>,
): void {
  const parts = personParts(field, types);
  const isPerson = parts.some((part) => row[part] !== null && row[part] !== undefined);
  values.set(field.name, isPerson ? null : fromRest(row[field.name], types.get(field.name) ?? 'string'));
  for (const part of parts)
    values.set(`${field.name}.${part}`, isPerson ? fromRest(row[part], 'string') : null);
}

function personParts(field: SchemaField, types: ReadonlyMap<string, string>): string[] {
  return field.name === 'Name' ? field.parts.filter((part) => types.has(part)) : [];
}

function call<T>(answer: PromiseLike<T>, what: string): Promise<T> {
  return restAnswer(answer, 120_000, what);
}

export type RestRow = Readonly<Record<string, unknown>>;
type QueryPage = {
  readonly totalSize: number;
  readonly done: boolean;
  readonly nextRecordsUrl?: string;
  readonly records: RestRow[];
};
