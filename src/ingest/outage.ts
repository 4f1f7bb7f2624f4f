import { actionOf, needsPerson } from '../health/failure-cause.ts';
import type { FailureClass, SalesforceError } from '../salesforce/error.ts';

/** What is known of the failures since the stream last worked. */
export type OutageState = {
  /** Epoch milliseconds of the first failure; null while the stream works. */
  readonly firstFailureAt: number | null;
  /** Null as long as every failure was an end that Salesforce's streams have as usual. */
  readonly outage: Outage | null;
  /** The class of the latest usual end. */
  readonly ordinaryEnd: FailureClass | null;
};

export type Outage = {
  /** Epoch milliseconds. */
  readonly since: number;
  readonly cause: OutageCause;
};

/** As it is stored and shown. */
export type OutageCause = {
  readonly code: string;
  readonly class: FailureClass;
  readonly message: string;
  readonly action: string;
  /** Whether it stays until a person has changed something. */
  readonly needsPerson: boolean;
};

export type StreamFailure = {
  readonly error: SalesforceError;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Whether the stream had delivered something or had stayed connected for long enough to count as working. */
  readonly hadLived: boolean;
};

/** What is worth a log line; retries are not. */
export type OutageNews = 'began' | 'changed' | 'ended' | null;

export const working: OutageState = { firstFailureAt: null, outage: null, ordinaryEnd: null };

/** The first failure begins the outage; each later one belongs to it and may change its cause. */
export function outageAfterFailure(
  state: OutageState,
  failure: StreamFailure,
): { readonly state: OutageState; readonly news: OutageNews } {
  const { error, at } = failure;
  const firstFailureAt = state.firstFailureAt ?? at;
  if (state.outage === null && isUsualEnd(state, failure)) {
    return { state: { firstFailureAt, outage: null, ordinaryEnd: error.failure }, news: null };
  }
  const cause = causeOf(error);
  const news = state.outage === null ? 'began' : state.outage.cause.code === cause.code ? null : 'changed';
  const since = state.outage?.since ?? firstFailureAt;
  return { state: { firstFailureAt, outage: { since, cause }, ordinaryEnd: null }, news };
}

/** The stream works: whatever was broken is over. */
export function afterProof({ outage }: OutageState): OutageNews {
  return outage === null ? null : 'ended';
}

/**
 * Salesforce ends every stream sooner or later, cleanly or not, and by then the token may have expired: neither is an
 * outage if the next stream works.
 */
function isUsualEnd({ ordinaryEnd }: OutageState, { error, hadLived }: StreamFailure): boolean {
  if (error.failure === 'auth') return hadLived || ordinaryEnd === 'transient';
  return (
    hadLived &&
    error.failure === 'transient' &&
    !ourOwn.has(error.code) &&
    !error.code.startsWith('database-')
  );
}

// A stream that fell silent was dead for minutes.
const ourOwn = new Set(['stream.silent']);

function causeOf(error: SalesforceError): OutageCause {
  const { code, failure, message } = error;
  return { code, class: failure, message, action: actionOf(error), needsPerson: needsPerson(failure) };
}
