import { status as grpcStatus, type ServiceError } from '@grpc/grpc-js';
import { apiFailures } from './failures/api.ts';
import { judgeStatus } from './failures/http-status.ts';
import { networkFailures } from './failures/network.ts';
import { oauthFailures } from './failures/oauth.ts';
import { grpcStatuses, pubSubFailures } from './failures/pubsub.ts';
import { recordFailures } from './failures/record.ts';
import { defaultActions, type FailureClass, findRule, type Judgment } from './failures/rule.ts';

export type { FailureClass } from './failures/rule.ts';

/** A failure of Salesforce or of the network, translated from its wire format. */
export class SalesforceError extends Error {
  /** Salesforce's own code: `subscription.fetch.replayid.corrupted`, `INVALID_SESSION_ID`, `invalid_grant`, … */
  readonly code: string;
  readonly failure: FailureClass;
  /** Milliseconds to wait before the next try; undefined to use the backoff of the class. */
  readonly retryAfterMs: number | undefined;
  /** Environment variable of the setting to check, if any. */
  readonly setting: string | undefined;
  /** Whether the sign-in failed: no call was made, and calls fail until a sign-in succeeds. */
  readonly duringSignIn: boolean;
  readonly #action: string | undefined;

  constructor(message: string, code: string, failure: FailureClass, options: SalesforceErrorOptions = {}) {
    super(message, options);
    this.name = 'SalesforceError';
    this.code = code;
    this.failure = failure;
    this.retryAfterMs = options.retryAfterMs;
    this.setting = options.setting;
    this.duringSignIn = options.duringSignIn ?? false;
    this.#action = options.action;
  }

  /** What an operator should do, as one sentence. */
  get action(): string {
    return this.#action ?? defaultActions[this.failure];
  }
}

type SalesforceErrorOptions = ErrorOptions & {
  readonly retryAfterMs?: number | undefined;
  readonly setting?: string | undefined;
  readonly action?: string | undefined;
  readonly duringSignIn?: boolean;
};

/** A response that does not follow the API's contract: another try may succeed. */
export function badAnswer(message: string): SalesforceError {
  return new SalesforceError(message, 'BAD_ANSWER', 'transient');
}

/** The same failure with other details. */
export function withDetails(error: SalesforceError, details: SalesforceErrorOptions): SalesforceError {
  const { message, code, failure, cause, retryAfterMs, setting, action, duringSignIn } = error;
  const known = { cause, retryAfterMs, setting, action, duringSignIn };
  return new SalesforceError(message, code, failure, { ...known, ...details });
}

const codePrefix = 'sfdc.platform.eventbus.grpc.';
// The server rejects the position permanently.
const refusedPosition = /^subscription\.fetch\.replayid\./;
const badCertificate = /certificate|self.signed|wrong version number|unable to verify/i;

/** Translates a gRPC failure by its `error-code` trailer, else by its status. */
export function fromPubSub(error: ServiceError): SalesforceError {
  const full = error.metadata?.get('error-code')[0]?.toString();
  const code = full?.startsWith(codePrefix) ? full.slice(codePrefix.length) : full;
  const message = error.details || error.message;
  const name = code ?? grpcStatus[error.code] ?? 'UNKNOWN';
  const { failure, ...details } = judgePubSub(code, error.code, message);
  return new SalesforceError(message, name, failure, { ...details, cause: error });
}

function judgePubSub(code: string | undefined, status: number, message: string): Judgment {
  const rule = code === undefined ? undefined : findRule(pubSubFailures, code, message);
  if (rule !== undefined) return rule;
  if (code !== undefined && refusedPosition.test(code)) return { failure: 'data' };
  if (code === undefined && status === grpcStatus.UNAVAILABLE && badCertificate.test(message)) {
    return {
      failure: 'config',
      setting: 'PUBSUB_CA_FILE',
      action: 'Name the certificate authority in PUBSUB_CA_FILE, and check PUBSUB_ENDPOINT and PUBSUB_TLS.',
    };
  }
  return grpcStatuses.get(status) ?? { failure: 'unknown' };
}

export type Refusal = {
  readonly code: string;
  readonly message: string;
  /** HTTP status, if known. */
  readonly status?: number | undefined;
};

/** Classifies a refusal of the REST or Bulk API, or a network error, by its code, else by its HTTP status. */
export function judgeRest({ code, message, status }: Refusal): Judgment {
  return (
    findRule(apiFailures, code, message) ??
    findRule(recordFailures, code, message) ??
    findRule(networkFailures, code, message) ??
    judgeStatus(status ?? Number(/^ERROR_HTTP_(\d+)$/.exec(code)?.[1] ?? 0)) ?? { failure: 'unknown' }
  );
}

/** Classifies a refusal of the token endpoint, or a network error. */
export function judgeOAuth({ code, message, status }: Refusal): Judgment {
  const rule = findRule(oauthFailures, code, message);
  if (rule !== undefined) return rule;
  const judged = judgeRest({ code, message, status });
  // No session exists that could have expired; a status without a code may come from a proxy.
  if (judged.failure === 'auth' || judged.failure === 'permission') {
    return {
      failure: 'config',
      setting: 'SALESFORCE_LOGIN_URL',
      action:
        'Check SALESFORCE_LOGIN_URL, and the proxies and firewalls in between: one may have refused the request.',
    };
  }
  return { setting: 'SALESFORCE_LOGIN_URL', ...judged };
}

export function restError(refusal: Refusal, options: SalesforceErrorOptions = {}): SalesforceError {
  const { failure, ...details } = judgeRest(refusal);
  return new SalesforceError(refusal.message, refusal.code, failure, { ...details, ...options });
}

/** Translates an error of jsforce or the network. jsforce puts Salesforce's code into `errorCode` or the error's name. */
export function fromRestError(error: unknown): SalesforceError {
  if (error instanceof SalesforceError) return error;
  if (!(error instanceof Error)) return new SalesforceError(String(error), 'UNKNOWN', 'unknown');
  return restError(refusalOf(error), { cause: error });
}

/** The code and the message of a foreign error. */
export function refusalOf(error: Error): Refusal {
  const own = error as Error & { errorCode?: unknown; code?: unknown };
  const code = [own.errorCode, own.code].find((value) => typeof value === 'string');
  return { code: typeof code === 'string' ? code : error.name, message: error.message };
}
