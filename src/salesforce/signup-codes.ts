import type { Connection } from 'jsforce';
import { defaultTiming } from '../timing.ts';
import { SalesforceError } from './error.ts';
import { oneTry } from './one-try.ts';
import { checkedId } from './record-id.ts';

export type CodeWrite = { readonly id: string; readonly code: string };

/** The code that an account has in Salesforce, if any, and when the account was last modified. */
export type HeldCode = {
  readonly code: string | null;
  /** Epoch milliseconds. */
  readonly systemModstamp: number;
};

/** What Salesforce said about one record of a batch. */
export type CodeWriteResult =
  | { readonly success: true }
  | {
      readonly success: false;
      readonly code: string;
      readonly message: string;
      readonly fields: readonly string[];
    };

/** The most records that one collections call takes. */
export const maxBatch = 200;

const readTimeoutMs = 60_000;

/** The codes that Salesforce holds for these accounts; those that are deleted or unknown are missing. */
export async function readCodes(
  connection: Connection,
  field: string,
  ids: readonly string[],
): Promise<Map<string, HeldCode>> {
  const list = ids.map((id) => `'${checkedId(id)}'`).join(', ');
  const soql = `SELECT Id, SystemModstamp, ${field} FROM Account WHERE Id IN (${list})`;
  type Page = { records: Record<string, string | null>[] };
  const url = `/query?q=${encodeURIComponent(soql)}`;
  const { records } = await oneTry<Page>(
    connection,
    { method: 'GET', url },
    { ms: readTimeoutMs, what: 'the query of signup codes' },
  );
  return new Map(
    records.map((record) => [
      record['Id'] ?? '',
      { code: record[field] ?? null, systemModstamp: Date.parse(record['SystemModstamp'] ?? '') },
    ]),
  );
}

/**
 * Writes codes in one call; each record succeeds or fails by itself.
 * @returns one result a record, in the order of the request (a refused record may come without its id)
 * @throws SalesforceError where the call as a whole failed or its answer can't be understood: then the outcome is
 *   unknown, and sending the same codes again is safe
 */
export async function writeCodes(
  connection: Connection,
  field: string,
  writes: readonly CodeWrite[],
  timeoutMs = defaultTiming.codeWriteTimeoutMs,
): Promise<CodeWriteResult[]> {
  const records = writes.map(({ id, code }) => ({ attributes: { type: 'Account' }, id, [field]: code }));
  const results = await oneTry<RawResult[]>(
    connection,
    {
      method: 'PATCH',
      url: '/composite/sobjects',
      headers: {
        'content-type': 'application/json',
        // A code makes no duplicate account, and moves none to another owner or territory.
        'sforce-duplicate-rule-header': 'allowSave=true',
        'sforce-auto-assign': 'FALSE',
      },
      body: JSON.stringify({ allOrNone: false, records }),
    },
    { ms: timeoutMs, what: 'the write of signup codes' },
  );
  if (!Array.isArray(results) || results.length !== writes.length) {
    throw new SalesforceError(
      'Salesforce answered something else than one result a record',
      'BAD_ANSWER',
      'transient',
    );
  }
  return results.map(toResult);
}

function toResult(result: RawResult): CodeWriteResult {
  if (result.success === true) return { success: true };
  const [error] = result.errors ?? [];
  return {
    success: false,
    code: error?.statusCode ?? error?.errorCode ?? 'UNKNOWN',
    message: error?.message ?? 'Salesforce gave no reason',
    fields: error?.fields ?? [],
  };
}

type RawResult = {
  readonly success?: boolean;
  readonly errors?: readonly {
    readonly statusCode?: string;
    readonly errorCode?: string;
    readonly message?: string;
    readonly fields?: readonly string[];
  }[];
};

/** What the org says about the field that holds the codes; undefined where we don't see it. */
export async function describeCodeField(
  connection: Connection,
  field: string,
): Promise<CodeField | undefined> {
  const { fields } = await oneTry<{ fields: readonly CodeField[] }>(
    connection,
    { method: 'GET', url: '/sobjects/Account/describe' },
    { ms: readTimeoutMs, what: 'describe' },
  );
  return fields.find(({ name }) => name === field);
}

export type CodeField = {
  readonly name: string;
  readonly type: string;
  /** Characters. */
  readonly length: number;
  readonly unique: boolean;
  readonly updateable: boolean;
  /** Whether codes that differ only in upper and lower case are different ones to Salesforce. */
  readonly caseSensitive: boolean;
};
