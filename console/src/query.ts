import { signal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ApiError } from './api.ts';

/** Increases when data may have changed: after an action, or when events arrive. Queries are read again. */
export const changes = signal(0);

let scheduled = false;
/** How long an answer takes, as a moving average; milliseconds. */
let answerMs = 0;

/**
 * At most once a second, as events may arrive in large numbers, and less often if answers are slow, because the service
 * then has more to do: reading takes a twentieth of the time. A page that nobody sees waits until it is seen.
 */
export function announceChange(): void {
  if (scheduled) return;
  scheduled = true;
  const announce = (): void => {
    if (document.hidden) {
      document.addEventListener('visibilitychange', announce, { once: true });
      return;
    }
    scheduled = false;
    changes.value++;
  };
  setTimeout(announce, Math.min(5_000, Math.max(1_000, 20 * answerMs)));
}

export type Query<T> = {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  readonly isLoading: boolean;
  reload(): void;
};

/**
 * Reads data of the API: when the key changes, after changes, and at an interval while the page is visible. Data stays
 * while it is read again, and after an error.
 *
 * @param everyMs milliseconds; 0: no interval
 */
export function useQuery<T>(
  read: (signal: AbortSignal) => Promise<T>,
  key: readonly unknown[],
  everyMs = 0,
): Query<T> {
  const [state, setState] = useState<Omit<Query<T>, 'reload'>>({
    data: undefined,
    error: undefined,
    isLoading: true,
  });
  const [reloads, setReloads] = useState(0);
  const latest = useRef(read);
  latest.current = read;
  const version = changes.value;
  const identity = JSON.stringify(key);

  useEffect(() => {
    const controller = new AbortController();
    setState((old) => ({ ...old, isLoading: true }));
    const run = async (): Promise<void> => {
      const begin = performance.now();
      try {
        const data = await latest.current(controller.signal);
        answerMs += (performance.now() - begin - answerMs) / 4;
        if (!controller.signal.aborted) setState({ data, error: undefined, isLoading: false });
      } catch (error) {
        if (controller.signal.aborted) return;
        setState((old) => ({ ...old, error: toApiError(error), isLoading: false }));
      }
    };
    void run();
    const timer =
      everyMs > 0
        ? setInterval(() => {
            if (!document.hidden) void run();
          }, everyMs)
        : undefined;
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, [identity, version, reloads, everyMs]);

  return { ...state, reload: () => setReloads((count) => count + 1) };
}

/** Errors of the console itself are shown too: an empty page would hide them. */
export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError({ title: 'Error of the console', detail: String(error) });
}
