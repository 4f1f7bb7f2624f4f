import { SpanKind } from '@opentelemetry/api';
import type { FetchResponse } from '../salesforce/pubsub-client.ts';
import { eventTraceId, inSpan, isTracing, recordSpan } from '../tracing.ts';

/** Stores the events of a response in a span, and begins the trace of each event. */
export async function traceStorage<T>(events: FetchResponse['events'], store: () => Promise<T>): Promise<T> {
  if (!isTracing()) return store();
  const receivedAt = Date.now();
  return inSpan('store events', { attributes: { 'tidemark.events': events.length } }, async (span) => {
    const start = Date.now();
    const result = await store();
    const end = Date.now();
    const links = [{ context: span.spanContext() }];
    for (const { event } of events) {
      const traceId = eventTraceId(event.schemaId, event.payload);
      recordSpan(traceId, 'receive', [receivedAt, start], {
        kind: SpanKind.CONSUMER,
        attributes: { 'messaging.system': 'salesforce', 'messaging.message.id': event.id },
      });
      recordSpan(traceId, 'store', [start, end], { links });
    }
    return result;
  });
}
