import { signal } from '@preact/signals';
import { api, body, requestJson } from './api.ts';
import { followEvents, liveState } from './live.ts';
import { announceChange } from './query.ts';
import { caller } from './session.ts';

/** Whether Tidemark runs with its own simulator. */
export const hasSimulator = signal(false);

/** The address of the org, for links to its records; empty until it is known. */
export const salesforceUrl = signal('');

/** Identifies the caller, and keeps all pages current by notices of events. Returns a function that ends it. */
export function loadSession(): () => void {
  const controller = new AbortController();
  const { signal } = controller;
  if (caller.value === undefined) {
    body(api.GET('/v1/me', { signal })).then(
      (me) => {
        caller.value = me;
      },
      // Without an answer the console stays usable for reads; 401 has already ended the session.
      () => {
        if (!signal.aborted) caller.value ??= { name: 'unknown', kind: 'key', scopes: ['read'] };
      },
    );
  }
  requestJson<{ links: Record<string, string> }>('/', { signal }).then(
    ({ links }) => {
      hasSimulator.value = links['simulator'] !== undefined;
    },
    () => {},
  );
  body(api.GET('/v1/status', { signal })).then(
    (status) => {
      salesforceUrl.value = status.salesforceUrl ?? '';
    },
    () => {},
  );
  void followEvents(
    '/v1/events/notices',
    {},
    ({ event }) => {
      if (event !== 'ready') announceChange();
    },
    (state) => {
      liveState.value = state;
    },
    signal,
  );
  return () => controller.abort();
}
