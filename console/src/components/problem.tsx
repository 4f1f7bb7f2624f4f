import type { ApiError } from '../api.ts';

/** An error of the API, with what a search of the log needs. */
export function ProblemNote({ error, onRetry }: { readonly error: ApiError; readonly onRetry?: () => void }) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{error.title}.</strong> {error.message}
      </p>
      {error.requestId !== undefined && (
        <p class="quiet">
          Request id <code>{error.requestId}</code>
        </p>
      )}
      {onRetry !== undefined && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
