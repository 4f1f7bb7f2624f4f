import type { Connection } from 'jsforce';
import { type Static, Type } from 'typebox';
import { defaultTiming } from '../timing.ts';
import { badAnswer } from './error.ts';
import { checkedId } from './record-id.ts';
import { callRest, jsonRequest, querySoql } from './rest-call.ts';

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

/** The write-back has its own retry policy. */
const readLimits = { timeoutMs: 60_000, maxRetries: 0 };

/** Reads the codes of accounts in Salesforce; deleted and unknown accounts are missing. @throws SalesforceError */
export async function readCodes(
  connection: Connection,
  field: string,
  ids: readonly string[],
): Promise<Map<string, HeldCode>> {
  const list = ids.map((id) => `'${checkedId(id)}'`).join(', ');
  const soql = `SELECT Id, SystemModstamp, ${field} FROM Account WHERE Id IN (${list})`;
  const { records } = await querySoql(connection, soql, { shape: codePage, ...readLimits });
  return new Map(
    records.map((record) => [
      record.Id,
      { code: record[field] ?? null, systemModstamp: Date.parse(record.SystemModstamp) },
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
  const request = jsonRequest('PATCH', '/composite/sobjects', { allOrNone: false, records });
  const headers = {
    ...request.headers,
    // Writing a code must not trigger duplicate rules or assignment rules.
    'sforce-duplicate-rule-header': 'allowSave=true',
    'sforce-auto-assign': 'FALSE',
  };
  const results = await callRest(connection, { ...request, headers }, { shape: resultList, timeoutMs });
  if (results.length !== writes.length) {
    throw badAnswer('the response does not have one result per record');
  }
  return results.map(toResult);
}

function toResult(result: Static<typeof resultList>[number]): CodeWriteResult {
  if (result.success === true) return { success: true };
  const [error] = result.errors ?? [];
  return {
    success: false,
    code: error?.statusCode ?? error?.errorCode ?? 'UNKNOWN',
    message: error?.message ?? 'Salesforce gave no reason',
    fields: error?.fields ?? [],
  };
}

const optionalText = Type.Optional(Type.String());

const resultList = Type.Array(
  Type.Object({
    success: Type.Optional(Type.Boolean()),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          statusCode: optionalText,
          errorCode: optionalText,
          message: optionalText,
          fields: Type.Optional(Type.Array(Type.String())),
        }),
      ),
    ),
  }),
);

const codePage = Type.Object({
  records: Type.Array(
    Type.Unsafe<{ Id: string; SystemModstamp: string } & Readonly<Record<string, string | null>>>(
      Type.Object({ Id: Type.String(), SystemModstamp: Type.String() }),
    ),
  ),
});

/** Describes the field of the codes; undefined if the user does not see it. @throws SalesforceError */
export async function describeCodeField(
  connection: Connection,
  field: string,
): Promise<CodeField | undefined> {
  const call = { shape: codeDescription, ...readLimits };
  const { fields } = await callRest(connection, '/sobjects/Account/describe', call);
  return fields.find(({ name }) => name === field);
}

const codeField = Type.Object({
  name: Type.String(),
  type: Type.String(),
  /** Characters. */
  length: Type.Integer(),
  unique: Type.Boolean(),
  updateable: Type.Boolean(),
  /** Whether Salesforce distinguishes codes by case. */
  caseSensitive: Type.Boolean(),
});
const codeDescription = Type.Object({ fields: Type.Array(codeField) });

export type CodeField = Static<typeof codeField>;
