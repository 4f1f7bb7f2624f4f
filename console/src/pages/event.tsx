import { api, body, type Schemas } from '../api.ts';
import { State } from '../components/badge.tsx';
import { Facts } from '../components/facts.tsx';
import { Link } from '../components/link.tsx';
import { Page, Section } from '../components/page.tsx';
import { QueryView } from '../components/query-view.tsx';
import { Moment } from '../components/time.tsx';
import { useQuery } from '../query.ts';
import { EventActions } from './failed-events.tsx';
import { clientOf, Records } from './origin.tsx';

type EventDetail = Schemas['EventDetail'];

/** One event: what became of it, its decoded payload, and the received bytes. */
export function EventPage({ id }: { readonly id: string }) {
  const event = useQuery<EventDetail>(
    (signal) => body(api.GET('/v1/events/{id}', { signal, params: { path: { id } } })),
    [id],
  );
  return (
    <Page title={`Event ${id}`} actions={event.data && <EventActions event={event.data} />}>
      <QueryView query={event}>{(found) => <Details event={found} />}</QueryView>
    </Page>
  );
}

function Details({ event }: { readonly event: EventDetail }) {
  const { error, dismissal, decoded, decodeError, payload, replayId, duplicateOf } = event;
  return (
    <>
      {error !== null && <p class="problem">{error}</p>}
      {dismissal !== null && (
        <p>
          Dismissed by {dismissal.by}, <Moment time={dismissal.at} />
          {dismissal.reason !== null && `: ${dismissal.reason}`}
        </p>
      )}
      <Facts
        items={[
          ['State', <State value={event.state} />],
          ['Change', `${event.changeType ?? 'unknown'} of ${event.entityName ?? 'unknown'}`],
          ['Records', <Records ids={event.recordIds} />],
          ['Committed', <Moment time={event.commitTimestamp} />],
          ['By user', <span class="id">{event.commitUser ?? '–'}</span>],
          ['Client', event.changeOrigin ? clientOf(event.changeOrigin) : '–'],
          ['Received', <Moment time={event.receivedAt} />],
          ['Applied', <Moment time={event.appliedAt} />],
          [
            'Transaction',
            event.transactionKey === null ? (
              '–'
            ) : (
              <>
                <Link to={`/transactions/${event.transactionKey}`} class="id">
                  {event.transactionKey}
                </Link>{' '}
                event {event.sequenceNumber}
              </>
            ),
          ],
          ['Id of Salesforce', <span class="id">{event.eventId}</span>],
          ['Source', `${event.source}, ${event.topic}`],
          ['Schema', <span class="id">{event.schemaId}</span>],
          ...(duplicateOf === null
            ? []
            : ([['Duplicate of', <Link to={`/events/${duplicateOf}`}>event {duplicateOf}</Link>]] as const)),
        ]}
      />
      <Section title="Decoded payload">
        {decoded === null ? (
          <p class="problem">{decodeError ?? 'The payload cannot be decoded.'}</p>
        ) : (
          <pre>{JSON.stringify(decoded, null, 2)}</pre>
        )}
      </Section>
      <Section title="Received bytes">
        <p class="quiet">
          Replay id <code>{replayId ?? '–'}</code>
        </p>
        <details>
          <summary>{byteCount(payload)} bytes</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide lines scroll by keyboard */}
          <section class="table" aria-label="Bytes" tabIndex={0}>
            <pre class="bytes">{hexDump(payload)}</pre>
          </section>
        </details>
      </Section>
    </>
  );
}

function byteCount(base64: string): number {
  return atob(base64).length;
}

const maxDumped = 16_384;

/** Sixteen bytes a line: offset, hexadecimal, ASCII. */
function hexDump(base64: string): string {
  const bytes = atob(base64);
  const lines: string[] = [];
  for (let offset = 0; offset < Math.min(bytes.length, maxDumped); offset += 16) {
    const part = bytes.slice(offset, offset + 16);
    const hex = Array.from(part, (char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join(' ');
    const ascii = part.replaceAll(/[^\x20-\x7e]/g, '.');
    lines.push(`${offset.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${ascii}`);
  }
  if (bytes.length > maxDumped) lines.push(`… ${bytes.length - maxDumped} more bytes`);
  return lines.join('\n');
}
