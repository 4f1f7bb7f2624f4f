import { type FailureRule, failureTable } from './rule.ts';

/**
 * Refusals of the token endpoint. `error_description` distinguishes most causes; it is free text, so the patterns are loose.
 * Source: "OAuth 2.0 Authorization Errors", Salesforce Help; RFC 6749, 5.2.
 */
export const oauthRules: readonly FailureRule[] = [
  {
    codes: ['inactive_user', 'invalid_grant'],
    message: /(user|account) is (inactive|frozen|deactivated)|inactive user/i,
    failure: 'permission',
    action: 'Activate the integration user in Salesforce (Setup → Users).',
  },
  {
    codes: ['inactive_user'],
    failure: 'permission',
    action: 'Activate the integration user in Salesforce (Setup → Users).',
  },
  {
    codes: ['inactive_org', 'invalid_grant'],
    message: /org(anization)? is (not active|inactive|locked|suspended|deleted)|inactive org/i,
    failure: 'permission',
    action: 'Reactivate the org, or set SALESFORCE_LOGIN_URL to an active one.',
  },
  {
    codes: ['inactive_org'],
    failure: 'permission',
    action: 'Reactivate the org, or set SALESFORCE_LOGIN_URL to an active one.',
  },
  {
    codes: ['invalid_grant', 'invalid_client', 'access_denied', 'ip_restricted'],
    message: /ip (address )?restrict|restricted ip|ip range/i,
    failure: 'permission',
    action:
      "Allow Tidemark's IP address in the login IP ranges of the user's profile, or relax the IP restrictions of the app.",
  },
  {
    codes: ['invalid_grant'],
    message: /login hours|restricted time/i,
    failure: 'permission',
    action: "Extend the login hours of the integration user's profile.",
  },
  {
    codes: ['invalid_grant'],
    message: /audience/i,
    failure: 'config',
    setting: 'SALESFORCE_JWT_AUDIENCE',
    action:
      'Set SALESFORCE_JWT_AUDIENCE to what the org expects: https://login.salesforce.com, https://test.salesforce.com for a sandbox, or its My Domain.',
  },
  {
    codes: ['invalid_grant'],
    message: /hasn't approved|has not approved|not approved this consumer/i,
    failure: 'permission',
    setting: 'SALESFORCE_USERNAME',
    action:
      'Check SALESFORCE_USERNAME, and pre-authorize the app for that user (app policies: Permitted Users, profiles and permission sets).',
  },
  {
    codes: ['invalid_grant'],
    message: /no client credentials user|run.?as user/i,
    failure: 'permission',
    action: 'Choose a Run As user for the client credentials flow of the app.',
  },
  {
    codes: ['invalid_grant', 'invalid_request', 'unsupported_grant_type'],
    message: /not supported on this domain|my domain/i,
    failure: 'config',
    setting: 'SALESFORCE_LOGIN_URL',
    action: 'Set SALESFORCE_LOGIN_URL to the My Domain of the org (https://yourdomain.my.salesforce.com).',
  },
  {
    codes: ['invalid_grant'],
    message: /(expired|future).*assertion|assertion.*(expire|future|not yet)/i,
    failure: 'config',
    action: 'Correct the clock of this machine: the sign-in is dated by it.',
  },
  {
    codes: ['invalid_grant'],
    message: /assertion|signature/i,
    failure: 'config',
    setting: 'SALESFORCE_PRIVATE_KEY',
    action: 'Set SALESFORCE_PRIVATE_KEY to the key whose certificate was uploaded to the app.',
  },
  {
    codes: ['invalid_grant'],
    message: /expired access\/refresh token|expired (authorization code|token)/i,
    failure: 'permission',
    action: 'Authorize the app for the integration user again, and check its refresh token policy.',
  },
  {
    codes: ['invalid_grant'],
    message: /\blocked\b|password.?lockout|password expired/i,
    failure: 'permission',
    action: 'Unlock the integration user in Salesforce (Setup → Users), or reset its password.',
  },
  {
    codes: ['invalid_grant'],
    message: /challenge|mfa|two.?factor|verification|identity confirmation/i,
    failure: 'permission',
    action: 'Exempt the integration user from identity verification for API sign-ins.',
  },
  {
    codes: ['invalid_grant', 'invalid_request'],
    message: /\brate\b|too many/i,
    failure: 'throttle',
    action: 'Wait: Salesforce limits the sign-ins of a user. Stop other clients that sign in as this user.',
  },
  {
    codes: ['invalid_grant'],
    message: /client (credentials|secret)|client identifier/i,
    failure: 'config',
    setting: 'SALESFORCE_CLIENT_SECRET',
    action: 'Set SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET to the values of the app.',
  },
  {
    codes: ['invalid_grant'],
    failure: 'config',
    action:
      "Check SALESFORCE_LOGIN_URL and the SALESFORCE_ credentials; the user's login history in Salesforce tells more.",
  },
  {
    codes: ['invalid_client', 'invalid_client_credentials'],
    failure: 'config',
    setting: 'SALESFORCE_CLIENT_SECRET',
    action: 'Set SALESFORCE_CLIENT_SECRET to the consumer secret of the app.',
  },
  {
    codes: ['invalid_client_id', 'app_not_found'],
    failure: 'config',
    setting: 'SALESFORCE_CLIENT_ID',
    action:
      'Set SALESFORCE_CLIENT_ID to the consumer key of an app of this org; a new app takes up to ten minutes.',
  },
  {
    codes: [
      'invalid_app_access',
      'OAUTH_APP_BLOCKED',
      'OAUTH_APP_ACCESS_DENIED',
      'OAUTH_APPROVAL_ERROR_GENERIC',
    ],
    failure: 'permission',
    action: 'Unblock the app and approve it for the integration user (profile or permission set).',
  },
  {
    codes: ['unauthorized_client', 'access_denied', 'ip_restricted'],
    failure: 'permission',
    action: 'Allow the app to sign in this user by this flow (app policies in Setup).',
  },
  {
    codes: ['unsupported_grant_type'],
    failure: 'config',
    setting: 'SALESFORCE_CLIENT_ID',
    action: 'Enable the client credentials flow or the JWT bearer flow for the app.',
  },
  {
    codes: ['invalid_scope'],
    failure: 'permission',
    action: 'Give the app the OAuth scope "Manage user data via APIs (api)".',
  },
  {
    codes: ['invalid_request', 'redirect_uri_mismatch', 'unsupported_response_type'],
    failure: 'bug',
  },
  {
    codes: ['rate_limit_exceeded', 'LOGIN_RATE_EXCEEDED', 'slow_down'],
    failure: 'throttle',
    action: 'Wait: Salesforce limits the sign-ins of a user. Stop other clients that sign in as this user.',
  },
  {
    codes: ['server_error', 'temporarily_unavailable', 'unknown_error', 'SSO_SERVICE_DOWN'],
    failure: 'transient',
  },
];

export const oauthFailures = failureTable(oauthRules);
