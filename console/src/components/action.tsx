import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { ApiError } from '../api.ts';
import { changes, toApiError } from '../query.ts';
import { hasScope, type Scope } from '../session.ts';
import { Dialog } from './dialog.tsx';
import { announce } from './notices.tsx';
import { ProblemNote } from './problem.tsx';

type Props = {
  readonly children: string;
  /** The action is hidden without it. */
  readonly scope: Scope;
  /** Returns what was done, as a sentence. */
  readonly run: () => Promise<string>;
  /** Asked before the action runs: what it changes, and what cannot be undone. */
  readonly confirm?: ComponentChildren;
  readonly kind?: 'primary' | 'danger' | 'plain';
  /** If the same label occurs several times on a page: what it is about. */
  readonly about?: string;
  readonly disabled?: boolean;
};

/** A button that changes something: it shows that it runs, what it did, and why it failed. */
export function Action({ children, scope, run, confirm, kind = 'plain', about, disabled = false }: Props) {
  const [isRunning, setRunning] = useState(false);
  const [isAsking, setAsking] = useState(false);
  const [error, setError] = useState<ApiError>();
  if (!hasScope(scope)) return null;

  const start = async (): Promise<void> => {
    setAsking(false);
    setRunning(true);
    setError(undefined);
    try {
      announce(await run());
    } catch (failure) {
      setError(toApiError(failure));
    }
    setRunning(false);
    changes.value++;
  };

  return (
    <>
      <button
        type="button"
        class={kind}
        disabled={disabled || isRunning}
        onClick={() => (confirm === undefined ? void start() : setAsking(true))}
      >
        {isRunning ? 'Working…' : children}
        {about !== undefined && <span class="hidden"> {about}</span>}
      </button>
      {isAsking && (
        <Dialog title={children} onClose={() => setAsking(false)}>
          <div>{confirm}</div>
          <div class="actions">
            <button
              type="button"
              class={kind === 'danger' ? 'danger' : 'primary'}
              onClick={() => void start()}
            >
              {children}
            </button>
            <button type="button" onClick={() => setAsking(false)}>
              Cancel
            </button>
          </div>
        </Dialog>
      )}
      {error !== undefined && (
        <Dialog title={`${children} failed`} onClose={() => setError(undefined)}>
          <ProblemNote error={error} />
          <div class="actions">
            <button type="button" class="primary" onClick={() => setError(undefined)}>
              Close
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
