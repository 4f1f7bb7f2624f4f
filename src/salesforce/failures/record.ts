import { type FailureRule, failureTable } from './rule.ts';

const askAdmin =
  'Ask the Salesforce admin to let the integration user write the signup code of this account.';
const freeStorage = 'Free data storage in the org, or buy more.';

/** Status codes of a single written record; `answer` decides about its signup code. Source: StatusCode, SOAP API guide. */
export const recordRules: readonly FailureRule[] = [
  {
    codes: ['CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', 'CUSTOM_APEX_ERROR', 'APEX_DATA_ACCESS_RESTRICTION'],
    message: /UNABLE_TO_LOCK_ROW|LimitException/,
    failure: 'transient',
  },
  {
    codes: [
      'ALL_OR_NONE_OPERATION_ROLLED_BACK',
      'ALREADY_IN_PROCESS',
      'COLLISION_DETECTED',
      'ENTITY_FAILED_IFLASTMODIFIED_ON_UPDATE',
      'ENTITY_SAVE_ERROR',
      'PROCESSING_HALTED',
      'TRANSACTION_ROLLED_BACK',
    ],
    failure: 'transient',
    refusal: 'retry',
  },
  {
    codes: ['CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY', 'CUSTOM_APEX_ERROR', 'APEX_DATA_ACCESS_RESTRICTION'],
    failure: 'permission',
    refusal: 'batch',
    action: 'Correct the Apex trigger that refuses the signup code of this account.',
  },
  {
    codes: ['CANNOT_EXECUTE_FLOW_TRIGGER', 'FLOW_EXCEPTION', 'MAX_DEPTH_IN_FLOW_EXECUTION'],
    failure: 'permission',
    refusal: 'batch',
    action: 'Correct the flow that refuses the signup code of this account.',
  },
  {
    codes: [
      'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      'FIELD_FILTER_VALIDATION_EXCEPTION',
      'ENTITY_SAVE_VALIDATION_ERROR',
    ],
    failure: 'permission',
    refusal: 'permanent',
    action: 'Exempt the integration user from the validation rule, or correct the account.',
  },
  {
    codes: ['DUPLICATES_DETECTED', 'FIND_DUPLICATES_ERROR'],
    failure: 'permission',
    refusal: 'permanent',
    action: 'Let the duplicate rule allow the integration user to save.',
  },
  {
    codes: [
      'REQUIRED_FIELD_MISSING',
      'FIELD_INTEGRITY_EXCEPTION',
      'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST',
      'NUMBER_OUTSIDE_VALID_RANGE',
    ],
    failure: 'permission',
    refusal: 'permanent',
    action: 'Correct the values of this account in Salesforce.',
  },
  { codes: ['ENTITY_IS_LOCKED'], failure: 'permission', refusal: 'permanent', action: askAdmin },
  {
    codes: [
      'FIELD_NOT_UPDATABLE',
      'INVALID_READ_ONLY_USER_DML',
      'OP_WITH_INVALID_USER_TYPE_EXCEPTION',
      'CANNOT_MODIFY_MANAGED_OBJECT',
      'NO_MASS_MAIL_PERMISSION',
      'LICENSE_LIMIT_EXCEEDED',
      'INVALID_PERSON_ACCOUNT_OPERATION',
    ],
    failure: 'permission',
    action: askAdmin,
  },
  { codes: ['STORAGE_LIMIT_EXCEEDED'], failure: 'quota', refusal: 'org', action: freeStorage },
  { codes: ['MAX_LIMIT_EXCEEDED'], failure: 'quota', action: freeStorage },
  { codes: ['ENTITY_IS_ARCHIVED', 'ITEM_NOT_FOUND', 'DELETE_FAILED'], failure: 'data' },
  { codes: ['DUPLICATE_VALUE'], failure: 'data', refusal: 'taken' },
  { codes: ['DUPLICATE_EXTERNAL_ID'], failure: 'data' },
  {
    codes: ['STRING_TOO_LONG', 'INVALID_TYPE_ON_FIELD_IN_RECORD'],
    failure: 'config',
    refusal: 'field',
    setting: 'SIGNUP_CODE_FIELD',
    action: 'Set SIGNUP_CODE_FIELD to a text field that is long enough for the codes.',
  },
  {
    codes: ['INVALID_INPUT', 'INVALID_API_INPUT', 'INVALID_INPUT_FORMAT', 'TOO_MANY_ENUM_VALUE'],
    failure: 'bug',
  },
];

export const recordFailures = failureTable(recordRules);
