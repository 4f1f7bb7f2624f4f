import type { Schemas } from '../api.ts';
import { Ago } from '../components/time.tsx';
import { formatDuration, formatShortTime } from '../format.ts';

type Status = Schemas['Status'];

/** The health of the mirror in one sentence, with since, why and what to do. */
export function Verdict({ status }: { readonly status: Status }) {
  const { health, reasons, freshThrough, verifiedThrough, lagMilliseconds } = status;
  return (
    <section class={`verdict ${health}`} aria-label="Verdict">
      <p class="sentence" role="status">
        {sentence(status)}
      </p>
      {reasons.length > 0 && (
        <ol class="reasons">
          {reasons.map(({ code, message, since, action }) => (
            <li key={`${code} ${message}`}>
              <p>
                <strong>{message}</strong>{' '}
                <span class="quiet">
                  {since !== null && (
                    <>
                      since {formatShortTime(since)} (<Ago time={since} />
                      ),{' '}
                    </>
                  )}
                  <code>{code}</code>
                </span>
              </p>
              <p>
                <b class="todo">To do</b> {action}
              </p>
            </li>
          ))}
        </ol>
      )}
      <p class="quiet">
        {freshThrough === null
          ? 'The mirror has no data yet.'
          : `All changes up to ${formatShortTime(freshThrough)} are in the mirror`}
        {freshThrough !== null && lagMilliseconds !== null && ` (${formatDuration(lagMilliseconds)} ago)`}
        {freshThrough !== null && '. '}
        {verifiedThrough === null
          ? 'It has not been verified against Salesforce yet.'
          : `Verified against Salesforce up to ${formatShortTime(verifiedThrough)}.`}
      </p>
    </section>
  );
}

function sentence({ health, reasons }: Status): string {
  if (health === 'healthy') return 'The mirror is healthy: it is current, and nothing needs attention.';
  const others = reasons.length > 1 ? ` (${reasons.length} reasons)` : '';
  if (health === 'degraded') return `The mirror is current but degraded: something needs attention${others}.`;
  return `The mirror is down: changes are not being mirrored${others}.`;
}
