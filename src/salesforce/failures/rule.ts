/**
 * The reaction to a failure:
 * - `transient`: retry with backoff
 * - `auth`: sign in, then retry
 * - `throttle`: retry after a long pause
 * - `quota`: an allocation is used up; wait for its window
 * - `config`: a setting is wrong; an operator has to change it
 * - `permission`: a permission is missing in the org; an operator has to grant it
 * - `data`: the request has outdated data (a replay id, an id); discard it and repair
 * - `bug`: the request is wrong; do not retry
 * - `unknown`: code and status are unknown; retry with backoff, and report the code
 */
export type FailureClass =
  | 'transient'
  | 'auth'
  | 'throttle'
  | 'quota'
  | 'config'
  | 'permission'
  | 'data'
  | 'bug'
  | 'unknown';

/** What an operator should do about a failure of a class, as one sentence. */
export const defaultActions: Readonly<Record<FailureClass, string>> = {
  transient: 'Wait: Tidemark retries automatically.',
  auth: 'Wait: Tidemark signs in again automatically.',
  throttle: 'Wait: Tidemark retries after a pause.',
  quota: 'Wait for the limit to reset, or raise it in Salesforce.',
  config: 'Correct the setting and restart Tidemark.',
  permission: 'Grant the permission to the integration user in Salesforce.',
  data: 'Wait: Tidemark re-reads what is affected.',
  bug: 'Report this error; it needs a fix in Tidemark.',
  unknown: 'Report this error code: Tidemark does not know it. It retries with growing pauses.',
};

/** The classification of a failure. */
export type Judgment = {
  readonly failure: FailureClass;
  /** The setting to check, by its environment variable. */
  readonly setting?: string;
  /** More specific than the default of the class. */
  readonly action?: string;
};

/**
 * The reaction to a refusal of one record of a request:
 * - `retry`: the record is temporarily locked; retry with backoff
 * - `org`: the org temporarily accepts no writes or requests; pause all writes
 * - `access`: a permission is missing, or the org is read-only: the success of other records shows which
 * - `batch`: code of the org failed, possibly because of other records of the request; send it alone
 * - `taken`: another record has the value; send a new one
 * - `gone`: Salesforce does not have the record; read it again, and retry until that is certain
 * - `field`: the field is wrong, or its permission is missing; check it, and retry unless other records succeed
 * - `permanent`: an operator has to change something in the org for this record
 */
export type RefusalClass = 'retry' | 'org' | 'access' | 'batch' | 'taken' | 'gone' | 'field' | 'permanent';

export type FailureRule = Judgment & {
  readonly codes: readonly string[];
  /** For a refusal of one record; undefined if the code does not decide. */
  readonly refusal?: RefusalClass;
  /** Limits the rule to matching messages; such rules precede the general one for the code. */
  readonly message?: RegExp;
};

/** Rules by code. Codes are compared without case and underscores: `InvalidSessionId` is `INVALID_SESSION_ID`. */
export type FailureTable = ReadonlyMap<string, readonly FailureRule[]>;

export function failureTable(rules: readonly FailureRule[]): FailureTable {
  const entries = rules.flatMap((rule) => rule.codes.map((code) => ({ key: keyOf(code), rule })));
  const groups = Map.groupBy(entries, ({ key }) => key);
  return new Map([...groups].map(([key, group]) => [key, group.map(({ rule }) => rule)]));
}

/** The first rule for the code whose pattern matches; undefined for a code that is not in the table. */
export function findRule(table: FailureTable, code: string, message: string): FailureRule | undefined {
  return table.get(keyOf(code))?.find((rule) => rule.message === undefined || rule.message.test(message));
}

function keyOf(code: string): string {
  return code.replaceAll('_', '').toLowerCase();
}
