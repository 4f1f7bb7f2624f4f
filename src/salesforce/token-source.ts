import { fromRestError, type SalesforceError, withDetails } from './error.ts';
import {
  type Api,
  attemptFailed,
  attemptSucceeded,
  beginAddressCheck,
  beginAttempt,
  decide,
  mayCheckAddress,
  type Session,
  type SignInState,
  signedOut,
  tokenAccepted,
  tokenRefused,
  withoutPauses,
} from './sign-in-state.ts';

/** Provides the current session and renews it. Concurrent callers share one attempt. */
export type TokenSource = {
  /** The current session, without a sign-in. */
  readonly session: Session | undefined;
  /** A session that this API has not refused; signs in if there is none. @throws SalesforceError of the sign-in */
  current(api: Api): Promise<Session>;
  /** Replaces a session whose token the API refused. @throws SalesforceError of the sign-in */
  renew(refused: Session, api: Api, cause: SalesforceError): Promise<Session>;
  accepted(session: Session, api: Api): void;
  /** Signs in after a failure of the instance, with backoff. @returns whether the org has moved */
  checkAddress(failed: Session): Promise<boolean>;
  /** Ends the backoff. */
  endPauses(): void;
};

export type TokenSourceOptions = {
  /** Requests a session. @throws SalesforceError */
  readonly signIn: () => Promise<Session>;
  /** Called with each new session before it is used; throws to refuse it. */
  readonly onSession: (session: Session) => void;
  /** Called with the error of each failed attempt. */
  readonly onFailure?: (error: SalesforceError) => void;
  readonly now?: () => number;
  readonly random?: () => number;
};

export function createTokenSource({
  signIn,
  onSession,
  onFailure,
  now = Date.now,
  random = Math.random,
}: TokenSourceOptions): TokenSource {
  let state: SignInState = signedOut;
  let attempt: Promise<SalesforceError | undefined> = Promise.resolve(undefined);

  /** Resolves with the error of a failed attempt; never rejects. */
  const begin = (begun: SignInState): Promise<SalesforceError | undefined> => {
    state = begun;
    attempt = signIn()
      .then((session) => {
        onSession(session);
        state = attemptSucceeded(state, session, now());
        return undefined;
      })
      .catch((thrown: unknown) => {
        const error = fromRestError(thrown);
        onFailure?.(error);
        state = attemptFailed(state, error, now(), random());
        return error;
      });
    return attempt;
  };

  const current = async (api: Api): Promise<Session> => {
    for (;;) {
      const decision = decide(state, api, now());
      if (decision.kind === 'use') return decision.session;
      if (decision.kind === 'fail') throw decision.error;
      const failure = await (decision.kind === 'attempt' ? begin(beginAttempt(state, now())) : attempt);
      // Callers that waited for an attempt share its failure and do not begin another one.
      if (failure !== undefined && decide(state, api, now()).kind !== 'use') {
        const retryAfterMs = Math.max(0, state.nextAttemptAt - now());
        throw withDetails(failure, { retryAfterMs, duringSignIn: true });
      }
    }
  };

  return {
    get session() {
      return state.session;
    },
    current,
    async renew({ accessToken }, api, cause) {
      state = tokenRefused(state, { accessToken, api, cause }, now(), random());
      return current(api);
    },
    accepted({ accessToken }, api) {
      state = tokenAccepted(state, accessToken, api);
    },
    async checkAddress({ instanceUrl }) {
      const isChecked = state.session?.instanceUrl !== instanceUrl;
      if (!isChecked && state.isAttempting) await attempt;
      else if (!isChecked && mayCheckAddress(state, now())) {
        await begin(beginAddressCheck(state, now(), random()));
      }
      return state.session !== undefined && state.session.instanceUrl !== instanceUrl;
    },
    endPauses() {
      state = withoutPauses(state);
    },
  };
}

/** A session that cannot be renewed: its token is a setting. */
export function fixedSession(session: Session, expired: () => SalesforceError): TokenSource {
  return {
    session,
    current: async () => session,
    async renew() {
      throw expired();
    },
    accepted() {},
    checkAddress: async () => false,
    endPauses() {},
  };
}
