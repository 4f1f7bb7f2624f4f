import { SalesforceError, withDetails } from './error.ts';

/** An access token, and the address of the instance that it is for. */
export type Session = { readonly accessToken: string; readonly instanceUrl: string };

/** What checks tokens: REST, lookups and streams of the Pub/Sub API. One may refuse a token that another accepts. */
export type Api = 'rest' | 'lookup' | 'stream';

/**
 * The sign-in as data. Time is passed in, epoch milliseconds. Invariants:
 * - one attempt at a time; whoever asks meanwhile waits for its outcome
 * - no pause is longer than {@link maxPauseMs}, so nothing locks the sign-in out for good
 * - a session stays in use until an API refuses its token, whatever becomes of attempts
 */
export type SignInState = {
  /** In force; undefined before the first sign-in. */
  readonly session: Session | undefined;
  /** Those that accepted its token. */
  readonly acceptedBy: readonly Api[];
  /** Those that refused its token: they need a newer one. */
  readonly refusedBy: readonly Api[];
  /** Tokens in a row that an API refused at first sight. */
  readonly refusedFresh: Readonly<Record<Api, number>>;
  readonly sessionBeganAt: number;
  readonly isAttempting: boolean;
  readonly attemptedAt: number;
  /** Attempts in a row that failed. */
  readonly failures: number;
  /** Sessions in a row that an API refused soon after it had accepted them. */
  readonly renewals: number;
  readonly nextAttemptAt: number;
  /** Why no token is to be had; told to whoever asks before `nextAttemptAt`. */
  readonly error: SalesforceError | undefined;
  /** Sign-ins in a row that were made because the instance failed. */
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

/** What an API gets that asks for a session. */
export type Decision =
  | { readonly kind: 'use'; readonly session: Session }
  | { readonly kind: 'wait' }
  | { readonly kind: 'attempt' }
  | { readonly kind: 'fail'; readonly error: SalesforceError };

// Signing in has to work again within 15 s after whatever kept it from working.
export const maxPauseMs = 10_000;
const firstPauseMs = 500;
// A session that lived for so long was a good one.
const goodSessionMs = 60_000;
// Sessions may end one after the other, by a restart of the org for example: so often it is not paused for.
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
  const endedEarly = state.refusedBy.length > 0 && state.attemptedAt - state.sessionBeganAt < goodSessionMs;
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

/** A session that no API has refused stays in use: only its address was to be checked. */
export function attemptFailed(
  state: SignInState,
  error: SalesforceError,
  now: number,
  random: number,
): SignInState {
  const failures = state.failures + 1;
  // From the begin of the attempt: one that ran into its time limit has waited already.
  const nextAttemptAt = Math.max(now, state.attemptedAt + pauseMs(failures, random));
  return { ...state, isAttempting: false, failures, error, nextAttemptAt };
}

/** A refusal of a token that is not in force any more, or that is known already, changes nothing. */
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
  // An attempt that failed a moment ago has its own pause and its own reason.
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

/** Whether a failure of the instance is a reason to sign in now: the org may live at another address. */
export function mayCheckAddress(state: SignInState, now: number): boolean {
  const isPaused = now < state.nextAddressCheckAt || (state.error !== undefined && now < state.nextAttemptAt);
  return state.session !== undefined && !state.isAttempting && !isPaused;
}

export function beginAddressCheck(state: SignInState, now: number, random: number): SignInState {
  const addressChecks = state.addressChecks + 1;
  const nextAddressCheckAt = now + pauseMs(addressChecks + 1, random);
  return { ...beginAttempt(state, now), addressChecks, nextAddressCheckAt };
}

/** Ends all pauses: somebody asked for a new try. */
export function withoutPauses(state: SignInState): SignInState {
  const never = Number.NEGATIVE_INFINITY;
  return { ...state, nextAttemptAt: never, nextAddressCheckAt: never };
}

/** Doubling up to the limit, half of it at random; none before the first. */
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
  const message = `Salesforce ends each session of its ${apiNames[api]} after a moment: ${cause.message}`;
  return new SalesforceError(message, 'SESSIONS_END_EARLY', 'transient', {
    cause,
    action: 'Look for what ends the sessions of the integration user: another client, a session policy.',
  });
}
