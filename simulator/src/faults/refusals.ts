import type { SaveError } from '../org/model.ts';

/** The error of a refused record, with the message that Salesforce gives. */
export function refusal(errorCode: string, recordId: string | undefined, field?: string): SaveError {
  const [message = errorCode, fields = []] = MESSAGES[errorCode] ?? [];
  return {
    statusCode: errorCode,
    message: message.replace('{id}', recordId?.slice(0, 15) ?? 'unknown'),
    fields: field === undefined ? fields : [field],
  };
}

const MESSAGES: Readonly<Record<string, readonly [message: string, fields?: readonly string[]]>> = {
  UNABLE_TO_LOCK_ROW: ['unable to obtain exclusive access to this record or 1 records: {id}'],
  FIELD_CUSTOM_VALIDATION_EXCEPTION: ['A validation rule of the simulator refuses this record'],
  DUPLICATE_VALUE: ['duplicate value found: SignUpCode__c duplicates value on record with id: {id}'],
  DUPLICATES_DETECTED: ['Use one of these records?'],
  ENTITY_IS_DELETED: ['entity is deleted'],
  ENTITY_IS_LOCKED: ['the entity is locked for editing'],
  INSUFFICIENT_ACCESS_OR_READONLY: ['insufficient access rights on object id'],
  INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: ['insufficient access rights on cross-reference id'],
  CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY: ['AccountTrigger: execution of BeforeUpdate'],
  STRING_TOO_LONG: ['Sign Up Code: data value too large: (max length=32)', ['SignUpCode__c']],
  INVALID_FIELD: ["No such column 'SignUpCode__c' on sobject of type Account", ['SignUpCode__c']],
  INVALID_FIELD_FOR_INSERT_UPDATE: [
    'Unable to create/update fields: SignUpCode__c. Please check the security settings of this field and verify that it is read/write for your profile or permission set.',
    ['SignUpCode__c'],
  ],
  REQUIRED_FIELD_MISSING: ['Required fields are missing: [Region__c]', ['Region__c']],
  MALFORMED_ID: ['Account ID: id value of incorrect type: {id}', ['Id']],
  REQUEST_LIMIT_EXCEEDED: ['TotalRequests Limit exceeded.'],
  QUERY_TIMEOUT: ['Your query request was running for too long.'],
  SERVER_UNAVAILABLE: ['the server is busy'],
  UNKNOWN_EXCEPTION: ['An unexpected error occurred'],
  INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE: [
    "Updates can't be made during maintenance. Try again when maintenance is complete.",
  ],
};

export const REFUSAL_CODES = Object.keys(MESSAGES);
