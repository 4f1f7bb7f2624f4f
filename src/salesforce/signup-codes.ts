import type { Connection } from 'jsforce';
import { defaultTiming } from '../timing.ts';
import { badAnswer } from './error.ts';
import { checkedId } from './record-id.ts';
import { sendOnce } from './rest-call.ts';

export type CodeWrite = { readonly id: string; readonly code: string };

/** The code of an account in Salesforce. */
export type HeldCode = {
  readonly code: string | null;
  /** Epoch milliseconds. */
  readonly systemModstamp: number;
};

/** The result for one record of a batch. */
export type CodeWriteResult =
  | { readonly success: true }
  | {
      readonly success: false;
      readonly code: string;
      readonly message: string;
      readonly fields: readonly string[];
    };

/** Maximum number of records in one collections request. */
export const maxBatch = 200;

const readTimeoutMs = 60_000;

/** Reads the codes of accounts in Salesforce; deleted and unknown accounts are missing. @throws SalesforceError */
export async function readCodes(
  connection: Connection,
  field: string,
  ids: readonly string[],
): Promise<Map<string, HeldCode>> {
  const list = ids.map((id) => `'${checkedId(id)}'`).join(', ');
  const soql = `SELECT Id, SystemModstamp, ${field} FROM Account WHERE Id IN (${list})`;
  type Page = { records: Record<string, string | null>[] };
  const url = `/query?q=${encodeURIComponent(soql)}`;
  const { records } = await sendOnce<Page>(
    connection,
    { method: 'GET', url },
    readTimeoutMs,
    'the query of signup codes',
  );
  return new Map(
    records.map((record) => [
      record['Id'] ?? '',
      { code: record[field] ?? null, systemModstamp: Date.parse(record['SystemModstamp'] ?? '') },
    ]),
  );
}

/**
 * Writes codes in one request; each record succeeds or fails separately.
 * @returns one result per record, in the order of the request (a refused record may have no id)
 * @throws SalesforceError if the request failed: the outcome is unknown, and sending the same codes again is safe
 */
export async function writeCodes(
  connection: Connection,
  field: string,
  writes: readonly CodeWrite[],
  timeoutMs = defaultTiming.codeWriteTimeoutMs,
): Promise<CodeWriteResult[]> {
  const records = writes.map(({ id, code }) => ({ attributes: { type: 'Account' }, id, [field]: code }));
  const results = await sendOnce<RawResult[]>(
    connection,
    {
      method: 'PATCH',
      url: '/composite/sobjects',
      headers: {
        'content-type': 'application/json',
        // Writing a code must not trigger duplicate rules or assignment rules.
        'sforce-duplicate-rule-header': 'allowSave=true',
        'sforce-auto-assign': 'FALSE',
      },
      body: JSON.stringify({ allOrNone: false, records }),
    },
    timeoutMs,
    'the write of signup codes',
  );
  if (!Array.isArray(results) || results.length !== writes.length) {
    throw badAnswer('the response does not have one result per record');
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

/** Describes the field of the codes; undefined if the user does not see it. @throws SalesforceError */
export async function describeCodeField(
  connection: Connection,
  field: string,
): Promise<CodeField | undefined> {
  const { fields } = await sendOnce<{ fields: readonly CodeField[] }>(
    connection,
    { method: 'GET', url: '/sobjects/Account/describe' },
    readTimeoutMs,
    'describe',
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
  /** Whether Salesforce distinguishes codes by case. */
  readonly caseSensitive: boolean;
};
