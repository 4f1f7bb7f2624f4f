import { useEffect, useState } from 'preact/hooks';
import { api, body, type Schemas } from '../api.ts';
import { followEvents, type LiveState } from '../live.ts';
import { toApiError } from '../query.ts';

export type LoggedEvent = Schemas['Event'];
type Filter = { readonly state: string; readonly changeType: string; readonly recordId: string };

const maxRows = 200;

/** The newest events of the log, then those of the stream, newest first; nothing changes while it is paused. */
export function useEventTail({ state, changeType, recordId }: Filter, isPaused: boolean) {
  const [events, setEvents] = useState<readonly LoggedEvent[]>([]);
  const [error, setError] = useState<ReturnType<typeof toApiError>>();
  const [live, setLive] = useState<LiveState>('connecting');

  useEffect(() => {
    if (isPaused) return undefined;
    const controller = new AbortController();
    const { signal } = controller;
    const query = {
      state: state as 'applied',
      ...(changeType !== '' && { changeType: changeType as 'CREATE' }),
      ...(recordId !== '' && { recordId }),
    };
    let arrived: LoggedEvent[] = [];
    // Many events may arrive at once: they are displayed together.
    const timer = setInterval(() => {
      if (arrived.length === 0) return;
      const newest = arrived.reverse();
      arrived = [];
      setEvents((old) => withoutDuplicates([...newest, ...old]));
    }, 250);
    setError(undefined);
    setEvents([]);
    body(api.GET('/v1/events', { signal, params: { query: { ...query, limit: 50 } } })).then(
      ({ data }) => {
        // Below those that the stream has delivered meanwhile.
        if (!signal.aborted) setEvents((old) => withoutDuplicates([...old, ...data]));
      },
      (failure) => {
        if (!signal.aborted) setError(toApiError(failure));
      },
    );
    const onMessage = ({ event, data }: { readonly event: string; readonly data: string }): void => {
      if (event === 'change') arrived.push(JSON.parse(data) as LoggedEvent);
    };
    void followEvents('/v1/events/stream', query, onMessage, setLive, signal);
    return () => {
      clearInterval(timer);
      controller.abort();
    };
  }, [state, changeType, recordId, isPaused]);

  return { events, error, state: live };
}

function withoutDuplicates(events: readonly LoggedEvent[]): LoggedEvent[] {
  return [...new Map(events.map((event) => [event.id, event])).values()].slice(0, maxRows);
}
