/**
 * What an answer about one record asks for:
 * - `again`: the record is busy for the moment; try again after a pause that grows
 * - `org`: the org takes no writes, or no requests, just now; everything waits until it does
 * - `access`: a right is missing, or the org is read-only: whether other records are written tells which
 * - `batch`: code of the org failed, which the other records of the call can have caused; send it without them
 * - `taken`: another record has the code; send a new one
 * - `gone`: Salesforce doesn't have the record any more; read the account again, and try again until that is sure
 * - `field`: the field of the codes is at fault, or the right to it is missing; check it, and try again unless other
 *   records are written
 * - `permanent`: a person has to change something in the org, for this record
 */
export type AnswerClass = 'again' | 'org' | 'access' | 'batch' | 'taken' | 'gone' | 'field' | 'permanent';

/** What Salesforce calls a write during a site switch, an instance refresh or an upgrade. */
export const readOnlyCode = 'INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE';

// Source: "Status Codes", SOAP and REST API guides. What is not named here is taken for `batch`: it is not final until
// the record failed alone.
const classes = new Map<string, AnswerClass>(
  Object.entries({
    UNABLE_TO_LOCK_ROW: 'again',
    INVALID_SESSION_ID: 'again',
    ALL_OR_NONE_OPERATION_ROLLED_BACK: 'again',
    PROCESSING_HALTED: 'again',
    QUERY_TIMEOUT: 'again',
    REQUEST_RUNNING_TOO_LONG: 'again',
    LIMIT_EXCEEDED: 'again',
    TOO_MANY_APEX_REQUESTS: 'again',
    UNKNOWN_EXCEPTION: 'again',
    UNKNOWN: 'again',
    [readOnlyCode]: 'org',
    SERVER_UNAVAILABLE: 'org',
    REQUEST_LIMIT_EXCEEDED: 'org',
    FUNCTIONALITY_TEMPORARILY_UNAVAILABLE: 'org',
    TERRITORY_REALIGN_IN_PROGRESS: 'org',
    API_CURRENTLY_DISABLED: 'org',
    API_DISABLED_FOR_ORG: 'org',
    ORG_LOCKED: 'org',
    TRIAL_EXPIRED: 'org',
    STORAGE_LIMIT_EXCEEDED: 'org',
    INSUFFICIENT_ACCESS: 'access',
    INSUFFICIENT_ACCESS_OR_READONLY: 'access',
    CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: 'batch',
    CANNOT_EXECUTE_FLOW_TRIGGER: 'batch',
    APEX_ERROR: 'batch',
    DUPLICATE_VALUE: 'taken',
    ENTITY_IS_DELETED: 'gone',
    INVALID_CROSS_REFERENCE_KEY: 'gone',
    INVALID_FIELD: 'field',
    INVALID_FIELD_FOR_INSERT_UPDATE: 'field',
    INVALID_TYPE_ON_FIELD_IN_RECORD: 'field',
    STRING_TOO_LONG: 'field',
    FIELD_CUSTOM_VALIDATION_EXCEPTION: 'permanent',
    FIELD_FILTER_VALIDATION_EXCEPTION: 'permanent',
    FIELD_INTEGRITY_EXCEPTION: 'permanent',
    REQUIRED_FIELD_MISSING: 'permanent',
    DUPLICATES_DETECTED: 'permanent',
    ENTITY_IS_LOCKED: 'permanent',
    INACTIVE_OWNER_OR_USER: 'permanent',
    INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: 'permanent',
    MALFORMED_ID: 'permanent',
  } satisfies Readonly<Record<string, AnswerClass>>),
);

/** The codes whose failures are over when the field is as it has to be. */
export const fieldCodes: readonly string[] = [...classes].flatMap(([code, answer]) =>
  answer === 'field' ? [code] : [],
);

// What an automation of the org hit is only in the message of its own error. The first that fits counts.
const hidden: readonly (readonly [part: string, AnswerClass])[] = [
  [readOnlyCode, 'org'],
  ['UNABLE_TO_LOCK_ROW', 'again'],
  ['System.LimitException', 'batch'],
];

/** @param field the field of the codes */
export function classOf(code: string, message: string, field: string): AnswerClass {
  const answer = classes.get(code) ?? 'batch';
  if (answer === 'taken') return isOther(message, field) ? 'permanent' : 'taken';
  if (answer !== 'batch' && answer !== 'permanent') return answer;
  return hidden.find(([part]) => message.includes(part))?.[1] ?? answer;
}

/** An automation of the org can write another unique field at the same time; a new code would not help it. */
function isOther(message: string, field: string): boolean {
  const named = /duplicate value found: (\w+) duplicates value/.exec(message)?.[1]?.toLowerCase();
  return named !== undefined && !field.toLowerCase().endsWith(named);
}

// Failures of a whole call that fewer records can avoid. Source: "Status Codes", SOAP API guide.
const tooLarge = new Set([
  'APEX_ERROR',
  'EXCEEDED_MAX_SIZE_REQUEST',
  'ERROR_HTTP_413',
  'OPERATION_TOO_LARGE',
  'QUERY_TIMEOUT',
  'REQUEST_RUNNING_TOO_LONG',
  'TIMEOUT',
]);

/** Whether a call that failed as a whole may succeed with fewer records. */
export function isTooLarge({ code, message }: { readonly code: string; readonly message: string }): boolean {
  return tooLarge.has(code) || message.includes('System.LimitException');
}
