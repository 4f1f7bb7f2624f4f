import { SalesforceError, withDetails } from './error.ts';

/** An access token, and the address of the instance that it is for. */
export type Session = { readonly accessToken: string; readonly instanceUrl: string };

/** APIs that check tokens. One may refuse a token that another accepts. */
export type Api = 'rest' | 'lookup' | 'stream';

/**
 * State of the sign-in. Times are epoch milliseconds. Invariants:
 * - one attempt at a time; concurrent callers share its outcome
 * - no pause is longer than {@link maxPauseMs}
 * - a session is used until an API refuses its token, even if attempts fail
 */
export type SignInState = {
  /** Undefined before the first sign-in. */
  readonly session: Session | undefined;
  /** APIs that accepted its token. */
  readonly acceptedBy: readonly Api[];
  /** APIs that refused its token. */
  readonly refusedBy: readonly Api[];
  /** Consecutive new tokens that an API refused. */
  readonly refusedFresh: Readonly<Record<Api, number>>;
  readonly sessionBeganAt: number;
  readonly isAttempting: boolean;
  readonly attemptedAt: number;
  /** Consecutive failed attempts. */
  readonly failures: number;
  /** Consecutive sessions that an API refused soon after it had accepted them. */
  readonly renewals: number;
  readonly nextAttemptAt: number;
  /** The error of calls before `nextAttemptAt`. */
  readonly error: SalesforceError | undefined;
  /** Consecutive sign-ins because of a failure of the instance. */
  readonly addressChecks: number;
  readonly nextAddressCheckAt: number;
};

export const signedOut: SignInState = {
  session: undefined,
  acceptedBy: [],
  refusedBy: [],
  refusedFresh: { rest: 0, lookup: 0, stream: 0 },
  sessionBeganAt: Number.NEGATIVE_INFINITY,
  isAttempting: false,
  attemptedAt: Number.NEGATIVE_INFINITY,
  failures: 0,
  renewals: 0,
  nextAttemptAt: Number.NEGATIVE_INFINITY,
  error: undefined,
  addressChecks: 0,
  nextAddressCheckAt: Number.NEGATIVE_INFINITY,
};

/** How a request for a session is handled. */
export type Decision =
  | { readonly kind: 'use'; readonly session: Session }
  | { readonly kind: 'wait' }
  | { readonly kind: 'attempt' }
  | { readonly kind: 'fail'; readonly error: SalesforceError };

// The sign-in recovers within 15 s after its cause is removed.
export const maxPauseMs = 10_000;
const firstPauseMs = 500;
// A shorter session counts as ended early.
const minSessionMs = 60_000;
// Renewals without a pause: a restart of the org may end several sessions.
const freeRenewals = 4;

export function decide(state: SignInState, api: Api, now: number): Decision {
  if (state.session !== undefined && !state.refusedBy.includes(api)) {
    return { kind: 'use', session: state.session };
  }
  if (state.isAttempting) return { kind: 'wait' };
  if (state.error === undefined || now >= state.nextAttemptAt) return { kind: 'attempt' };
  const retryAfterMs = state.nextAttemptAt - now;
  return { kind: 'fail', error: withDetails(state.error, { retryAfterMs, duringSignIn: true }) };
}

export function beginAttempt(state: SignInState, now: number): SignInState {
  return { ...state, isAttempting: true, attemptedAt: now };
}

export function attemptSucceeded(state: SignInState, session: Session, now: number): SignInState {
  const endedEarly = state.refusedBy.length > 0 && state.attemptedAt - state.sessionBeganAt < minSessionMs;
  return {
    ...state,
    session,
    sessionBeganAt: now,
    acceptedBy: [],
    refusedBy: [],
    isAttempting: false,
    failures: 0,
    renewals: endedEarly ? state.renewals + 1 : 0,
    error: undefined,
  };
}

export function attemptFailed(
  state: SignInState,
  error: SalesforceError,
  now: number,
  random: number,
): SignInState {
  const failures = state.failures + 1;
  // Counted from the start of the attempt, which may have taken its whole time limit.
  const nextAttemptAt = Math.max(now, state.attemptedAt + pauseMs(failures, random));
  return { ...state, isAttempting: false, failures, error, nextAttemptAt };
}

/** Ignores a refusal of an outdated token and a repeated refusal. */
export function tokenRefused(
  state: SignInState,
  { accessToken, api, cause }: { accessToken: string; api: Api; cause: SalesforceError },
  now: number,
  random: number,
): SignInState {
  if (state.session?.accessToken !== accessToken || state.refusedBy.includes(api)) return state;
  const wasAccepted = state.acceptedBy.includes(api);
  const fresh = wasAccepted ? 0 : state.refusedFresh[api] + 1;
  const refused: SignInState = {
    ...state,
    refusedBy: [...state.refusedBy, api],
    refusedFresh: { ...state.refusedFresh, [api]: fresh },
  };
  // A recent failed attempt keeps its own pause and error.
  if (refused.error !== undefined && now < refused.nextAttemptAt) return refused;
  const pause = wasAccepted ? pauseMs(state.renewals - freeRenewals, random) : pauseMs(fresh - 1, random);
  if (pause === 0) return { ...refused, error: undefined };
  const error = wasAccepted ? endsEarly(api, cause) : refusesFresh(api, cause);
  return { ...refused, error, nextAttemptAt: now + pause };
}

export function tokenAccepted(state: SignInState, accessToken: string, api: Api): SignInState {
  if (state.session?.accessToken !== accessToken) return state;
  const isKnown = state.acceptedBy.includes(api) && (api !== 'rest' || state.addressChecks === 0);
  if (isKnown) return state;
  return {
    ...state,
    acceptedBy: [...new Set([...state.acceptedBy, api])],
    refusedFresh: { ...state.refusedFresh, [api]: 0 },
    ...(api === 'rest' && { addressChecks: 0, nextAddressCheckAt: Number.NEGATIVE_INFINITY }),
  };
}

/** Whether to sign in after a failure of the instance: the org may have moved. */
export function mayCheckAddress(state: SignInState, now: number): boolean {
  const isPaused = now < state.nextAddressCheckAt || (state.error !== undefined && now < state.nextAttemptAt);
  return state.session !== undefined && !state.isAttempting && !isPaused;
}

export function beginAddressCheck(state: SignInState, now: number, random: number): SignInState {
  const addressChecks = state.addressChecks + 1;
  const nextAddressCheckAt = now + pauseMs(addressChecks + 1, random);
  return { ...beginAttempt(state, now), addressChecks, nextAddressCheckAt };
}

/** Ends all pauses on request. */
export function withoutPauses(state: SignInState): SignInState {
  const { nextAttemptAt, nextAddressCheckAt } = signedOut;
  return { ...state, nextAttemptAt, nextAddressCheckAt };
}

/** Exponential backoff, half of it random; 0 for a count of 0. */
function pauseMs(count: number, random: number): number {
  if (count <= 0) return 0;
  const full = Math.min(maxPauseMs, firstPauseMs * 2 ** Math.min(count - 1, 20));
  return Math.round(full / 2 + (full / 2) * random);
}

const apiNames: Readonly<Record<Api, string>> = {
  rest: 'REST API',
  lookup: 'Pub/Sub API',
  stream: 'Pub/Sub API',
};

function refusesFresh(api: Api, cause: SalesforceError): SalesforceError {
  const message = `Salesforce issues access tokens, but its ${apiNames[api]} refuses them: ${cause.message}`;
  return new SalesforceError(message, 'FRESH_TOKENS_REFUSED', 'permission', {
    cause,
    action:
      'Give the app the OAuth scope "Manage user data via APIs (api)", the user "API Enabled", and do not lock sessions to IP addresses.',
  });
}

function endsEarly(api: Api, cause: SalesforceError): SalesforceError {
  const message = `Salesforce ends each session of its ${apiNames[api]} early: ${cause.message}`;
  return new SalesforceError(message, 'SESSIONS_END_EARLY', 'transient', {
    cause,
    action: 'Find what ends the sessions of the integration user: another client or a session policy.',
  });
}
