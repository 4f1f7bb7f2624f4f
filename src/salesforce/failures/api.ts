import { type FailureRule, failureTable } from './rule.ts';

/** The code of writes during a site switch, an instance refresh or an upgrade. */
export const readOnlyCode = 'INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE';

const grantAccount =
  'Grant the integration user access to Account: "View All" to read, "Edit" on the field to write codes.';
const activateUser = 'Activate or unlock the integration user in Salesforce (Setup → Users).';

/**
 * Error codes of the REST, SOAP and Bulk APIs for a call as a whole.
 * Sources: "Status Codes and Error Responses", REST API guide; ExceptionCode, SOAP API guide; "Errors", Bulk API guide.
 */
export const apiRules: readonly FailureRule[] = [
  {
    codes: ['INVALID_SESSION_ID'],
    message: /not valid for use with the .* api|not attached to agent/i,
    failure: 'permission',
    refusal: 'retry',
    action:
      'Give the app the OAuth scope "Manage user data via APIs (api)", and the user the permission "API Enabled".',
  },
  {
    codes: [
      'INVALID_SESSION_ID',
      'INVALID_AUTH_HEADER',
      'INVALID_ACCESS_TOKEN',
      'Bad_OAuth_Token',
      'Missing_OAuth_Token',
      'TXN_SECURITY_END_A_SESSION',
      // The org has moved to another instance: a new sign-in returns its address.
      'ORG_NOT_OWNED_BY_INSTANCE',
    ],
    failure: 'auth',
    refusal: 'retry',
  },
  {
    codes: ['REQUEST_LIMIT_EXCEEDED'],
    message: /concurrent/i,
    failure: 'throttle',
    refusal: 'org',
    action:
      'Wait: too many API requests run at the same time in this org. Look for other clients with slow requests.',
  },
  {
    codes: ['REQUEST_LIMIT_EXCEEDED'],
    failure: 'quota',
    refusal: 'org',
    action:
      "Wait: the org's API requests within 24 hours are used up. Find the client that uses them, or buy more.",
  },
  { codes: ['EXCEEDED_QUOTA', 'REALTIME_PROCESSING_TIME_EXCEEDED_LIMIT'], failure: 'quota' },
  {
    codes: ['LIMIT_EXCEEDED', 'TOO_MANY_APEX_REQUESTS', 'TOO_MANY_JOBS', 'TOO_MANY_REQUESTS'],
    failure: 'throttle',
    refusal: 'retry',
  },
  {
    codes: ['SERVER_UNAVAILABLE', 'FUNCTIONALITY_TEMPORARILY_UNAVAILABLE', 'TERRITORY_REALIGN_IN_PROGRESS'],
    failure: 'transient',
    refusal: 'org',
  },
  {
    codes: [
      'QUERY_TIMEOUT',
      'UNABLE_TO_LOCK_ROW',
      'TOO_MANY_LOCK_FAILURE',
      'INVALID_QUERY_LOCATOR',
      'INVALID_LOCATOR',
      'REQUEST_RUNNING_TOO_LONG',
      'UNKNOWN_EXCEPTION',
      'INTERNAL_ERROR',
      'INTERNAL_SERVER_ERROR',
      'API_ERROR',
      'TIMEOUT',
      'ORG_IS_SIGNING_UP',
      'SSO_SERVICE_DOWN',
      'BATCH_PROCESSING_HALTED',
    ],
    failure: 'transient',
    refusal: 'retry',
  },
  {
    codes: ['ORG_IN_MAINTENANCE', readOnlyCode],
    failure: 'transient',
    refusal: 'org',
    action: 'Wait for the end of the maintenance (status.salesforce.com): Tidemark retries automatically.',
  },
  {
    codes: ['API_DISABLED_FOR_ORG', 'API_CURRENTLY_DISABLED', 'APEX_REST_SERVICES_DISABLED'],
    failure: 'permission',
    refusal: 'org',
    action:
      'Give the integration user the permission "API Enabled"; the edition of the org has to include API access.',
  },
  {
    codes: ['FEATURE_NOT_ENABLED', 'FUNCTIONALITY_NOT_ENABLED'],
    failure: 'permission',
    action:
      'Enable the feature in the org (for bulk jobs: the Bulk API), or grant the integration user its permission.',
  },
  {
    codes: ['INSUFFICIENT_ACCESS', 'INSUFFICIENT_ACCESS_OR_READONLY'],
    failure: 'permission',
    refusal: 'access',
    action: grantAccount,
  },
  {
    codes: ['INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY'],
    failure: 'permission',
    refusal: 'permanent',
    action: grantAccount,
  },
  {
    codes: ['INVALID_TYPE', 'INVALID_TYPE_FOR_OPERATION', 'ENTITY_NOT_QUERYABLE', 'INVALID_ENTITY'],
    failure: 'permission',
    action: 'Grant the integration user access to the object Account.',
  },
  {
    codes: ['OPERATION_TOO_LARGE'],
    failure: 'permission',
    action: 'Give the integration user "View All" on Account: sharing makes this query too large.',
  },
  // For one record, its owner is inactive.
  { codes: ['INACTIVE_OWNER_OR_USER'], failure: 'permission', refusal: 'permanent', action: activateUser },
  {
    codes: [
      'INVALID_LOGIN',
      'INVALID_USER',
      'PASSWORD_LOCKOUT',
      'INVALID_OPERATION_WITH_EXPIRED_PASSWORD',
      'LOGIN_MUST_USE_SECURITY_TOKEN',
    ],
    failure: 'permission',
    action: activateUser,
  },
  {
    codes: [
      'LOGIN_DURING_RESTRICTED_DOMAIN',
      'LOGIN_DURING_RESTRICTED_TIME',
      'LOGIN_CHALLENGE_ISSUED',
      'LOGIN_CHALLENGE_PENDING',
    ],
    failure: 'permission',
    action: "Allow Tidemark's IP address and the time in the profile of the integration user.",
  },
  {
    codes: [
      'CLIENT_NOT_ACCESSIBLE_FOR_USER',
      'CLIENT_REQUIRE_UPDATE_FOR_USER',
      'FORBIDDEN',
      'MUTUAL_AUTHENTICATION_FAILED',
      'PORTAL_NO_ACCESS',
      'TXN_SECURITY_NO_ACCESS',
      'TXN_SECURITY_TWO_FA_REQUIRED',
      'TXN_SECURITY_FAIL_CLOSE',
      'UNSUPPORTED_CLIENT',
    ],
    failure: 'permission',
    action: 'Let the app and the integration user use the API (app policies, transaction security, profile).',
  },
  {
    codes: [
      'ORG_LOCKED',
      'ORG_IS_DOT_ORG',
      'TRIAL_EXPIRED',
      'LICENSING_DATA_ERROR',
      'LICENSING_UNKNOWN_ERROR',
    ],
    failure: 'permission',
    refusal: 'org',
    action: 'Ask Salesforce to unlock the org or to renew its licenses.',
  },
  {
    codes: ['UNSUPPORTED_API_VERSION', 'INVALID_VERSION', 'MISMATCHING_VERSIONS'],
    failure: 'config',
    setting: 'SALESFORCE_API_VERSION',
    action: 'Set SALESFORCE_API_VERSION to a version that the org supports.',
  },
  {
    codes: ['INVALID_FIELD', 'INVALID_FIELD_FOR_INSERT_UPDATE'],
    failure: 'config',
    refusal: 'field',
    action:
      'Give the integration user access to the field (field-level security), or correct SIGNUP_CODE_FIELD.',
  },
  {
    codes: ['QUERY_TOO_COMPLICATED'],
    failure: 'config',
    action: 'Hide formula fields of Account from the integration user.',
  },
  { codes: ['ENTITY_IS_DELETED', 'INVALID_CROSS_REFERENCE_KEY'], failure: 'data', refusal: 'gone' },
  { codes: ['MALFORMED_ID'], failure: 'data', refusal: 'permanent' },
  {
    codes: [
      'NOT_FOUND',
      'INVALID_ID_FIELD',
      'MISSING_RECORD',
      'RECORD_NOT_FOUND',
      'INVALID_JOB',
      'INVALID_JOB_STATE',
      'EXCEEDED_ID_LIMIT',
      'INVALID_REPLICATION_DATE',
    ],
    failure: 'data',
  },
  {
    codes: [
      'MALFORMED_QUERY',
      'MALFORMED_SEARCH',
      'ARGUMENT_OBJECT_PARSE_ERROR',
      'CLIENT_INPUT_ERROR',
      'DUPLICATE_ARGUMENT_VALUE',
      'EXCEEDED_MAX_SEMIJOIN_SUBSELECTS',
      'EXCEEDED_MAX_SIZE_REQUEST',
      'EXCEEDED_MAX_SOBJECTS',
      'EXCEEDED_MAX_TYPES_LIMIT',
      'HTTP_METHOD_NOT_ALLOWED',
      'ID_REQUIRED',
      'ILLEGAL_QUERY_PARAMETER_VALUE',
      'INVALID_BATCH',
      'INVALID_BATCH_REQUEST',
      'INVALID_BATCH_SIZE',
      'INVALID_CLIENT',
      'INVALID_DATE_FORMAT',
      'INVALID_FILTER_VALUE',
      'INVALID_INPUT_COMBINATION',
      'INVALID_MULTIPART_REQUEST',
      'INVALID_OPERATION',
      'INVALID_PAGING_OPTION',
      'INVALID_QUERY_FILTER_OPERATOR',
      'INVALID_QUERY_KEY',
      'INVALID_QUERY_SCOPE',
      'INVALID_QUERY_VALUE',
      'INVALID_SOAP_HEADER',
      'INVALID_SORT_OPTION',
      'INVALID_URL',
      'JSON_PARSER_ERROR',
      'METHOD_NOT_ALLOWED',
      'MISSING_ARGUMENT',
      'NOT_ACCEPTABLE',
      'NUMBER_OUTSIDE_VALID_RANGE',
      'POST_BODY_PARSE_ERROR',
      'TOO_MANY_RECORDS',
      'UNSUPPORTED_MEDIA_TYPE',
      'URI_TOO_LONG',
      'XML_PARSER_ERROR',
    ],
    failure: 'bug',
  },
];

export const apiFailures = failureTable(apiRules);
