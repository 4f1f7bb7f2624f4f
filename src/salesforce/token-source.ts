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

/** Hands out the session in force, and renews it. Any number of callers may ask at once: they share one attempt. */
export type TokenSource = {
  /** The session in force, if any; not asked for anything. */
  readonly session: Session | undefined;
  /** A session that this API has not refused; signs in if there is none. @throws SalesforceError of the sign-in */
  current(api: Api): Promise<Session>;
  /** The API refused the token of this session: answers with another one. @throws SalesforceError of the sign-in */
  renew(refused: Session, api: Api, cause: SalesforceError): Promise<Session>;
  accepted(session: Session, api: Api): void;
  /** The instance failed: signs in again, not too often. @returns whether the org lives at another address now */
  checkAddress(failed: Session): Promise<boolean>;
  /** The next one who asks signs in, whatever pause there is. */
  endPauses(): void;
};

export type TokenSourceOptions = {
  /** Asks the token endpoint once. @throws SalesforceError */
  readonly signIn: () => Promise<Session>;
  /** Told of each new session before it is handed out; throws if it is not acceptable. */
  readonly onSession: (session: Session) => void;
  readonly now?: () => number;
  readonly random?: () => number;
};

export function createTokenSource({
  signIn,
  onSession,
  now = Date.now,
  random = Math.random,
}: TokenSourceOptions): TokenSource {
  let state: SignInState = signedOut;
  let attempt: Promise<SalesforceError | undefined> = Promise.resolve(undefined);

  /** Answers with the error of an attempt that failed; never rejects. */
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
      // Whoever waited for an attempt hears how that one ended, and does not begin another one.
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

/** A session that cannot be renewed: its token comes from elsewhere, and a new one is a setting. */
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
