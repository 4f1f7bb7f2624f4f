import { actionOf, needsPerson } from '../health/failure-cause.ts';
import type { FailureClass, SalesforceError } from '../salesforce/error.ts';

/** The failures since the stream last worked. */
export type OutageState = {
  /** Epoch milliseconds of the first failure; null while the stream works. */
  readonly firstFailureAt: number | null;
  /** Null while all failures were ordinary ends of a stream. */
  readonly outage: Outage | null;
  /** The class of the latest ordinary end. */
  readonly ordinaryEnd: FailureClass | null;
};

export type Outage = {
  /** Epoch milliseconds. */
  readonly since: number;
  readonly cause: OutageCause;
};

/** The cause in the format of the database and the API. */
export type OutageCause = {
  readonly code: string;
  readonly class: FailureClass;
  readonly message: string;
  readonly action: string;
  /** Whether an operator has to change something. */
  readonly needsPerson: boolean;
};

export type StreamFailure = {
  readonly error: SalesforceError;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Whether the stream had received an event or keepalive, or was connected long enough to count as working. */
  readonly wasWorking: boolean;
};

/** A transition to log. Retries are not logged. */
export type OutageNews = 'began' | 'changed' | 'ended' | null;

export const working: OutageState = { firstFailureAt: null, outage: null, ordinaryEnd: null };

/** The state after a failure. The first one starts the outage; a later one can change its cause. */
export function outageAfterFailure(
  state: OutageState,
  failure: StreamFailure,
): { readonly state: OutageState; readonly news: OutageNews } {
  const { error, at } = failure;
  const firstFailureAt = state.firstFailureAt ?? at;
  if (state.outage === null && isOrdinaryEnd(state, failure)) {
    return { state: { firstFailureAt, outage: null, ordinaryEnd: error.failure }, news: null };
  }
  const cause = causeOf(error);
  const news = state.outage === null ? 'began' : state.outage.cause.code === cause.code ? null : 'changed';
  const since = state.outage?.since ?? firstFailureAt;
  return { state: { firstFailureAt, outage: { since, cause }, ordinaryEnd: null }, news };
}

/** The transition when the stream works. */
export function outageAfterSuccess({ outage }: OutageState): OutageNews {
  return outage === null ? null : 'ended';
}

/**
 * Whether a failure is an ordinary end. Salesforce ends every stream at some time, and the token may have expired by
 * then; that is not an outage if the next stream works.
 */
function isOrdinaryEnd({ ordinaryEnd }: OutageState, { error, wasWorking }: StreamFailure): boolean {
  if (error.failure === 'auth') return wasWorking || ordinaryEnd === 'transient';
  return (
    wasWorking &&
    error.failure === 'transient' &&
    !ownTimeouts.has(error.code) &&
    !error.code.startsWith('database-')
  );
}

// Timeouts of Tidemark: the stream received nothing for minutes.
const ownTimeouts = new Set(['stream.silent']);

function causeOf(error: SalesforceError): OutageCause {
  const { code, failure, message } = error;
  return { code, class: failure, message, action: actionOf(error), needsPerson: needsPerson(failure) };
}
