import { inSpan, isTracing, recordSpan } from '../tracing.ts';
import type { Decoded } from './decode-stored.ts';

/**
 * Runs the transaction of a batch in a span, and records it in the trace of each event, with a link to that span.
 * @param work calls `onApplied` before the commit
 */
export async function traceBatch<T>(
  events: readonly Pick<Decoded, 'traceId'>[],
  work: (onApplied: () => void) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work(() => {});
  return inSpan('apply batch', { attributes: { 'tidemark.events': events.length } }, async (span) => {
    const start = Date.now();
    let applied = start;
    const result = await work(() => {
      applied = Date.now();
    });
    const end = Date.now();
    const options = { links: [{ context: span.spanContext() }] };
    for (const { traceId } of events) {
      if (traceId === undefined) continue;
      recordSpan(traceId, 'apply', [start, applied], options);
      recordSpan(traceId, 'commit', [applied, end], options);
    }
    return result;
  });
}
