import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';

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
 */
export type FailureClass =
  | 'transient'
  | 'auth'
  | 'throttle'
  | 'quota'
  | 'config'
  | 'permission'
  | 'data'
  | 'bug';

/** Every failure at Salesforce's edge, translated once. */
export class SalesforceError extends Error {
  /** Salesforce's own code: `subscription.fetch.replayid.corrupted`, `INVALID_SESSION_ID`, `invalid_grant`, … */
  readonly code: string;
  readonly failure: FailureClass;
  /** How long Salesforce asks to be left alone, in milliseconds; undefined where it does not say. */
  readonly retryAfterMs: number | undefined;
  /** The setting to check, by its environment variable; undefined if no setting is concerned. */
  readonly setting: string | undefined;

  constructor(message: string, code: string, failure: FailureClass, options: SalesforceErrorOptions = {}) {
    super(message, options);
    this.name = 'SalesforceError';
    this.code = code;
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
    this.setting = options.setting;
  }

  /** What an operator does about it, as one sentence. */
  get action(): string {
    return actions[this.failure];
  }
}

type SalesforceErrorOptions = ErrorOptions & {
  readonly retryAfterMs?: number | undefined;
  readonly setting?: string | undefined;
};

const actions: Readonly<Record<FailureClass, string>> = {
  transient: 'Wait: Tidemark retries automatically.',
  auth: 'Wait: Tidemark signs in again automatically.',
  throttle: 'Wait: Tidemark retries after a pause.',
  quota: 'Wait for the limit to reset, or raise it in Salesforce.',
  config: 'Correct the setting and restart Tidemark.',
  permission: 'Grant the permission to the integration user in Salesforce.',
  data: 'Wait: Tidemark re-reads what is affected.',
  bug: 'Report this error; it needs a fix in Tidemark.',
};

const codePrefix = 'sfdc.platform.eventbus.grpc.';

// Source: "Handle Errors", Pub/Sub API guide. The code decides: `service.unavailable` comes with status INTERNAL.
const pubSubFailures: Readonly<Record<string, FailureClass>> = {
  'service.unavailable': 'transient',
  'service.auth.error': 'auth',
  'service.auth.headers.invalid': 'config',
  'service.auth.refresh.invalid': 'bug',
  'service.protection.triggered': 'throttle',
  'service.protection.stream.limit.triggered': 'throttle',
  'service.tenant.license': 'permission',
  'concurrent.client.limit.exceeded': 'throttle',
  'topic.not.found': 'config',
  'topic.validation.empty': 'config',
  'topic.meta.permission': 'permission',
  'topic.api.unavailable': 'transient',
  'schema.meta.permission': 'permission',
  'schema.api.unavailable': 'transient',
  'schema.validation.failed': 'bug',
  'subscription.topic.cannot.subscribe': 'permission',
  'subscription.fetch.replayid.corrupted': 'data',
  'subscription.fetch.replayid.validation.failed': 'data',
  'subscription.fetch.replay.repeated': 'transient',
  'subscription.limit.exceeded': 'quota',
  'subscription.fetch.overflow': 'throttle',
  'subscription.fetch.requested.events.invalid': 'bug',
  'subscription.fetch.topic.mismatch': 'bug',
  'subscription.fetch.request.invalid': 'bug',
  'subscription.internal.error': 'transient',
};

const statusFailures: Readonly<Record<number, FailureClass>> = {
  [grpcStatus.UNAUTHENTICATED]: 'auth',
  [grpcStatus.PERMISSION_DENIED]: 'permission',
  [grpcStatus.RESOURCE_EXHAUSTED]: 'throttle',
  [grpcStatus.NOT_FOUND]: 'config',
  [grpcStatus.UNIMPLEMENTED]: 'config',
};

/** A gRPC failure: by its `error-code` trailer first, by its status second; what is unknown is transient. */
export function fromPubSub(error: ServiceError): SalesforceError {
  const full = error.metadata?.get('error-code')[0]?.toString();
  const code = full?.startsWith(codePrefix) ? full.slice(codePrefix.length) : full;
  const failure =
    (code === undefined ? undefined : pubSubFailures[code]) ?? statusFailures[error.code] ?? 'transient';
  const name = code ?? grpcStatus[error.code] ?? 'UNKNOWN';
  return new SalesforceError(error.details || error.message, name, failure, { cause: error });
}

// Source: "Status Codes and Error Responses", REST API guide; OAuth error codes of the token endpoint.
const restFailures: Readonly<Record<string, FailureClass>> = {
  INVALID_SESSION_ID: 'auth',
  REQUEST_LIMIT_EXCEEDED: 'quota',
  SERVER_UNAVAILABLE: 'transient',
  QUERY_TIMEOUT: 'transient',
  UNABLE_TO_LOCK_ROW: 'transient',
  INVALID_QUERY_LOCATOR: 'transient',
  API_DISABLED_FOR_ORG: 'permission',
  API_CURRENTLY_DISABLED: 'permission',
  INSUFFICIENT_ACCESS: 'permission',
  INSUFFICIENT_ACCESS_OR_READONLY: 'permission',
  INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY: 'permission',
  INVALID_FIELD: 'config',
  INVALID_TYPE: 'config',
  NOT_FOUND: 'data',
  ENTITY_IS_DELETED: 'data',
  MALFORMED_ID: 'data',
  MALFORMED_QUERY: 'bug',
  invalid_grant: 'config',
  invalid_client: 'config',
  invalid_client_id: 'config',
  invalid_request: 'config',
  unsupported_grant_type: 'config',
  inactive_user: 'config',
  inactive_org: 'config',
  rate_limit_exceeded: 'throttle',
  // Refusals without a body of Salesforce's own: jsforce names them by their status.
  ERROR_HTTP_401: 'auth',
  ERROR_HTTP_403: 'permission',
  ERROR_HTTP_404: 'config',
  // Ours, about the sign-in.
  SALESFORCE_ACCESS_TOKEN: 'config',
  SALESFORCE_PRIVATE_KEY: 'config',
  FRESH_TOKENS_REFUSED: 'permission',
  OTHER_ORG: 'config',
};

/** The class of a REST or OAuth error code; what is unknown (network errors, 5xx pages) is transient. */
export function restFailure(code: string): FailureClass {
  return restFailures[code] ?? 'transient';
}

// jsforce keeps nothing but the text of the error that a refused refresh ended with; ours ends in its code.
const refreshFailure = /^Unable to refresh session due to: (.*) \((\w+)\)$/s;

/** The text of an error that goes through jsforce's refresh and is to be understood by {@link fromRestError}. */
export function refreshFailureText({ message, code }: SalesforceError): string {
  return `${message} (${code})`;
}

/** Whatever jsforce or the network threw. jsforce puts Salesforce's code into `errorCode` or the error's name. */
export function fromRestError(error: unknown): SalesforceError {
  if (error instanceof SalesforceError) return error;
  if (!(error instanceof Error)) return new SalesforceError(String(error), 'UNKNOWN', 'transient');
  const own = error as Error & { errorCode?: string; code?: string };
  const [, reason, reasonCode] = refreshFailure.exec(error.message) ?? [];
  const network = networkFailure(error);
  const code = reasonCode ?? own.errorCode ?? own.code ?? network?.code ?? error.name;
  const message = reason ?? (network === undefined ? error.message : `${error.message}: ${network.message}`);
  return new SalesforceError(message, code, restFailure(code), { cause: error });
}

/** `fetch` says why it failed only in the cause of its error. */
function networkFailure({ cause }: Error): { readonly code: string; readonly message: string } | undefined {
  if (!(cause instanceof Error)) return undefined;
  const { code } = cause as NodeJS.ErrnoException;
  return code === undefined ? undefined : { code, message: cause.message || code };
}
