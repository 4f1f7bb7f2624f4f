import { useState } from 'preact/hooks';
import { State } from '../components/badge.tsx';
import { Choice, TextField } from '../components/field.tsx';
import { Link } from '../components/link.tsx';
import { Page } from '../components/page.tsx';
import { ProblemNote } from '../components/problem.tsx';
import { Table } from '../components/table.tsx';
import { formatShortTime } from '../format.ts';
import type { LiveState } from '../live.ts';
import { place, setQuery } from '../router.ts';
import { type LoggedEvent, useEventTail } from './event-tail.ts';
import { clientOf, Records } from './origin.tsx';

/** The event log: the newest events, and each further one as it is applied. */
export function EventsPage() {
  const { query } = place.value;
  const filter = {
    state: query.get('state') ?? 'applied',
    changeType: query.get('changeType') ?? '',
    recordId: query.get('recordId') ?? '',
  };
  const [isPaused, setPaused] = useState(false);
  const tail = useEventTail(filter, isPaused);
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
