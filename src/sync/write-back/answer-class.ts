/**
 * What an answer about one record asks for:
 * - `again`: try again after a pause that grows
 * - `window`: an allowance is used up; try again when it may be open, as often as it takes
 * - `taken`: another record has the code; send a new one
 * - `gone`: Salesforce doesn't have the record any more; read the account again, and try again until that is sure
 * - `field`: the field of the codes is at fault; look at it before anything else is sent
 * - `permanent`: a person has to change something in the org
 */
export type AnswerClass = 'again' | 'window' | 'taken' | 'gone' | 'field' | 'permanent';

// Source: "Status Codes", SOAP and REST API guides. Whatever is not named here does not go away by itself.
const classes: Readonly<Record<string, AnswerClass>> = {
  UNABLE_TO_LOCK_ROW: 'again',
  SERVER_UNAVAILABLE: 'again',
  QUERY_TIMEOUT: 'again',
  REQUEST_RUNNING_TOO_LONG: 'again',
  LIMIT_EXCEEDED: 'again',
  UNKNOWN_EXCEPTION: 'again',
  UNKNOWN: 'again',
  INVALID_SESSION_ID: 'again',
  REQUEST_LIMIT_EXCEEDED: 'window',
  DUPLICATE_VALUE: 'taken',
  ENTITY_IS_DELETED: 'gone',
  INVALID_CROSS_REFERENCE_KEY: 'gone',
  INVALID_FIELD: 'field',
  INVALID_FIELD_FOR_INSERT_UPDATE: 'field',
  INVALID_TYPE_ON_FIELD_IN_RECORD: 'field',
  STRING_TOO_LONG: 'field',
  FIELD_CUSTOM_VALIDATION_EXCEPTION: 'permanent',
  FIELD_INTEGRITY_EXCEPTION: 'permanent',
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: 'permanent',
  CANNOT_EXECUTE_FLOW_TRIGGER: 'permanent',
  REQUIRED_FIELD_MISSING: 'permanent',
  DUPLICATES_DETECTED: 'permanent',
  ENTITY_IS_LOCKED: 'permanent',
  STORAGE_LIMIT_EXCEEDED: 'permanent',
  INSUFFICIENT_ACCESS: 'permanent',
  INSUFFICIENT_ACCESS_OR_READONLY: 'permanent',
  INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: 'permanent',
  MALFORMED_ID: 'permanent',
};

/** The codes whose failures are over when the field is as it has to be. */
export const fieldCodes: readonly string[] = Object.entries(classes).flatMap(([code, answer]) =>
  answer === 'field' ? [code] : [],
);

/** A trigger that could not lock a row says so only in its message. */
export function classOf(code: string, message: string): AnswerClass {
  const answer = classes[code] ?? 'permanent';
  return answer === 'permanent' && message.includes('UNABLE_TO_LOCK_ROW') ? 'again' : answer;
}
