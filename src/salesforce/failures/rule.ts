/**
 * What a failure asks for:
 * - `transient`: try again after a pause
 * - `auth`: sign in again, then try again
 * - `throttle`: try again after a long pause
 * - `quota`: an allocation is used up; wait for its window
 * - `config`: a setting is wrong; a person has to change it
 * - `permission`: a right is missing in the org; a person has to grant it
 * - `data`: what was sent can't be used any more (a replay id, an id); give it up and repair
 * - `bug`: the request was wrong; trying again can't help
 * - `unknown`: neither the code nor the status is known; try again with growing pauses, and report the code
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

/** What an operator does about a failure of a class, as one sentence. */
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

/** How a failure is judged. */
export type Judgment = {
  readonly failure: FailureClass;
  /** The setting to check, by its environment variable. */
  readonly setting?: string;
  /** More specific than the default of the class. */
  readonly action?: string;
};

/**
 * What a refusal of one record of a call asks for:
 * - `again`: the record is busy for the moment; try again after a pause that grows
 * - `org`: the org takes no writes, or no requests, just now; everything waits until it does
 * - `access`: a right is missing, or the org is read-only: whether other records are written tells which
 * - `batch`: code of the org failed, which the other records of the call can have caused; send it without them
 * - `taken`: another record has the value; send a new one
 * - `gone`: Salesforce doesn't have the record any more; read it again, and try again until that is sure
 * - `field`: the field that is written is at fault, or the right to it is missing; check it, and try again unless other
 *   records are written
 * - `permanent`: a person has to change something in the org, for this record
 */
export type AnswerClass = 'again' | 'org' | 'access' | 'batch' | 'taken' | 'gone' | 'field' | 'permanent';

export type FailureRule = Judgment & {
  readonly codes: readonly string[];
  /** For a refusal of one record; undefined if the code does not tell. */
  readonly answer?: AnswerClass;
  /** Narrows the rule to messages that match; such rules come before the one for the code as a whole. */
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
