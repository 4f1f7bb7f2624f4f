import type { Connection } from 'jsforce';
import type { FieldValues, Scalar } from './change-event.ts';
import { restAnswer } from './deadline.ts';
import { SalesforceError } from './error.ts';
import { capitalise, fromRest } from './field-value.ts';
import { checkedId, parseRecordId } from './record-id.ts';
import type { SchemaField } from './writer-schema.ts';

/** An account as REST shows it, in the terms of change events. */
export type AccountRead = {
  readonly id: string;
  readonly deleted: boolean;
  /** Epoch milliseconds. */
  readonly systemModstamp: number;
  readonly values: FieldValues;
};

export type DescribedField = { readonly name: string; readonly type: string };

/** The fields of Account that this user can read. @throws SalesforceError */
export async function describeAccount(connection: Connection): Promise<DescribedField[]> {
  const { fields } = await call(connection.describe('Account'), 'describe');
  return fields.map(({ name, type }) => ({ name, type }));
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
};

export function planRead(mirrored: readonly SchemaField[], described: readonly DescribedField[]): ReadPlan {
  const types = new Map(described.map(({ name, type }) => [name, type]));
  const fields = mirrored.filter(({ name }) => types.has(name));
  const names = fields.flatMap((field) => [field.name, ...personParts(field, types)]);
  const select = [...new Set(['Id', 'IsDeleted', 'SystemModstamp', ...names])].join(', ');
  return { select, fields, types };
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
  for await (const page of pages(connection, 'queryAll', soql))
    reads.push(...page.map((row) => toRead(row, plan)));
  return reads;
}

/** Every account that isn't deleted, page by page. */
export async function* readAllAccounts(
  connection: Connection,
  plan: ReadPlan,
): AsyncGenerator<AccountRead[]> {
  for await (const page of pages(connection, 'query', `SELECT ${plan.select} FROM Account`)) {
    yield page.map((row) => toRead(row, plan));
  }
}

/** Every account changed at or after a moment, deleted ones included, page by page. */
export async function* readAccountsSince(
  connection: Connection,
  plan: ReadPlan,
  since: Date,
): AsyncGenerator<AccountRead[]> {
  const where = `SystemModstamp >= ${since.toISOString()}`;
  const soql = `SELECT ${plan.select} FROM Account WHERE ${where} ORDER BY SystemModstamp, Id`;
  for await (const page of pages(connection, 'queryAll', soql)) yield page.map((row) => toRead(row, plan));
}

/** Only `done` says that a result is complete; pages have whatever size Salesforce chooses. */
async function* pages(
  connection: Connection,
  resource: 'query' | 'queryAll',
  soql: string,
): AsyncGenerator<RestRow[]> {
  let url: string | undefined = `/${resource}?q=${encodeURIComponent(soql)}`;
  while (url !== undefined) {
    const page: QueryPage = await call(connection.request<QueryPage>(url), resource);
    yield page.records;
    if (!page.done && page.nextRecordsUrl === undefined) {
      throw new SalesforceError(`${resource} broke off: there is no next page`, 'BAD_ANSWER', 'transient');
    }
    url = page.done ? undefined : page.nextRecordsUrl;
  }
}

function toRead(row: RestRow, { fields, types }: ReadPlan): AccountRead {
  const values = new Map<string, Scalar>();
  for (const field of fields) {
    const type = types.get(field.name) ?? 'string';
    if (type === 'address' || type === 'location') setCompound(values, field, row[field.name]);
    else setPlain(values, field, row, types);
  }
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

type RestRow = Readonly<Record<string, unknown>>;
type QueryPage = {
  readonly totalSize: number;
  readonly done: boolean;
  readonly nextRecordsUrl?: string;
  readonly records: RestRow[];
};
