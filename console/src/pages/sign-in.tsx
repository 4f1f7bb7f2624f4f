import { useId, useState } from 'preact/hooks';
import { type ApiError, requestJson } from '../api.ts';
import { Logo } from '../components/layout.tsx';
import { ProblemNote } from '../components/problem.tsx';
import { toApiError } from '../query.ts';
import { type Caller, signIn, signOutReason } from '../session.ts';

export function SignInPage() {
  const id = useId();
  const [isChecking, setChecking] = useState(false);
  const [error, setError] = useState<ApiError>();

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const secret = String(new FormData(event.currentTarget as HTMLFormElement).get('key') ?? '').trim();
    setChecking(true);
    setError(undefined);
    try {
      signIn(secret, await requestJson<Caller>('/v1/me', { key: secret }));
    } catch (failure) {
      setError(toApiError(failure));
      setChecking(false);
    }
  };

  return (
    <main class="sign-in">
      <h1>
        <Logo /> Tidemark
      </h1>
      {signOutReason.value !== '' && <p role="status">{signOutReason.value}</p>}
      <form onSubmit={(event) => void submit(event)}>
        <div class="field">
          <label for={id}>API key</label>
          <input
            id={id}
            name="key"
            type="password"
            autocomplete="current-password"
            aria-describedby={`${id}-hint`}
            required
          />
        </div>
        <p id={`${id}-hint`} class="quiet">
          A secret of <code>API_KEYS</code>; with the embedded defaults, the start prints one. The key stays
          in this tab until it closes.
        </p>
        <button type="submit" class="primary" disabled={isChecking}>
          {isChecking ? 'Signing in…' : 'Sign in'}
        </button>
      </form>
      {error !== undefined && <ProblemNote error={error} />}
    </main>
  );
}
