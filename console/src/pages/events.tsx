import { useEffect, useState } from 'preact/hooks';
import { api, body, type Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Choice, TextField } from '../components/field.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { ProblemNote } from '../components/problem.tsx';
import { Table } from '../components/table.tsx';
import { formatShortTime } from '../format.ts';
import { followEvents, type LiveState } from '../live.ts';
import { toApiError } from '../query.ts';
import { place, setQuery } from '../router.ts';
import { clientOf, Records } from './origin.tsx';

type LoggedEvent = Schemas['Event'];
type Filter = { readonly state: string; readonly changeType: string; readonly recordId: string };

const maxRows = 200;

/** The event log: the newest events, and each further one as it is applied. */
export function EventsPage() {
  const { query } = place.value;
  const filter = {
    state: query.get('state') ?? 'applied',
    changeType: query.get('changeType') ?? '',
    recordId: query.get('recordId') ?? '',
  };
  const [isPaused, setPaused] = useState(false);
  const tail = useTail(filter, isPaused);
  return (
    <Page
      title="Events"
      actions={
        <button type="button" aria-pressed={isPaused} onClick={() => setPaused(!isPaused)}>
          {isPaused ? 'Resume' : 'Pause'}
        </button>
      }
    >
      <search class="filters">
        <Choice
          label="State"
          value={filter.state}
          onChange={(state) => setQuery({ state })}
          options={['applied', 'stored', 'skipped', 'failed', 'repaired', 'dismissed']}
        />
        <Choice
          label="Change"
          value={filter.changeType}
          onChange={(changeType) => setQuery({ changeType })}
          options={[
            ['', 'Any change'],
            'CREATE',
            'UPDATE',
            'DELETE',
            'UNDELETE',
            'GAP_UPDATE',
            'GAP_OVERFLOW',
          ]}
        />
        <TextField
          label="Record id"
          value={filter.recordId}
          delayMs={400}
          onChange={(recordId) => setQuery({ recordId: recordId.trim() })}
        />
      </search>
      {tail.error !== undefined && <ProblemNote error={tail.error} />}
      <p class="quiet" role="status">
        {isPaused ? 'Paused: new events are not displayed.' : liveText(tail.state)}
      </p>
      <Table<LoggedEvent>
        label="Events"
        rows={tail.events}
        keyOf={({ id }) => id}
        empty="No such event in the log. Events appear as they arrive."
        columns={[
          { head: 'Received', cell: ({ receivedAt }) => formatShortTime(receivedAt) },
          {
            head: 'Event',
            cell: ({ id, changeType }) => <Link to={`/events/${id}`}>{changeType ?? `event ${id}`}</Link>,
          },
          {
            head: 'Records',
            cell: ({ recordIds }) => <Records ids={recordIds} />,
          },
          {
            head: 'Fields',
            isSecondary: true,
            cell: ({ changedFields }) => changedFields.join(', '),
          },
          {
            head: 'Client',
            isSecondary: true,
            cell: ({ changeOrigin }) => (changeOrigin ? clientOf(changeOrigin) : '–'),
          },
          { head: 'State', isSecondary: true, cell: ({ state }) => <State value={state} /> },
          {
            head: 'Transaction',
            isSecondary: true,
            cell: ({ transactionKey }) =>
              transactionKey !== null && (
                <Link to={`/transactions/${transactionKey}`} class="id">
                  {transactionKey.slice(0, 8)}…
                </Link>
              ),
          },
        ]}
      />
    </Page>
  );
}

function liveText(state: LiveState): string {
  return state === 'open' ? 'Live: the newest event is first.' : 'Not live: connecting…';
}

/** The newest events of the log, then those of the stream, newest first; nothing changes while it is paused. */
function useTail({ state, changeType, recordId }: Filter, isPaused: boolean) {
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
    void followEvents(query, onMessage, setLive, signal);
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
