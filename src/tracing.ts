import { createHash } from 'node:crypto';
import {
  type Attributes,
  context,
  type Link,
  ProxyTracerProvider,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';

// Not kept: an SDK may be registered later.
export const tracer = (): Tracer => trace.getTracer('tidemark');

/** Whether an OpenTelemetry SDK is loaded. Without one, nothing is recorded and no trace id is computed. */
export function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegateTracer('tidemark') !== undefined;
}

/** Start and end, epoch milliseconds. */
export type Period = readonly [start: number, end: number];

/**
 * The trace of a change event, from its receipt to the commit of its rows. The id follows from the event, so that each
 * stage finds it without a column.
 */
export function eventTraceId(schemaId: string, payload: Uint8Array): string {
  return traceIdOf('event', schemaId, payload);
}

/** The trace of a signup code, from its assignment to its confirmation. */
export function codeTraceId(accountId: string, code: string): string {
  return traceIdOf('code', accountId, code);
}

function traceIdOf(...parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 32);
}

/** Records a span that has ended, in the trace of an event or code. */
export function recordSpan(
  traceId: string,
  name: string,
  [start, end]: Period,
  options: { readonly kind?: SpanKind; readonly attributes?: Attributes; readonly links?: Link[] } = {},
): void {
  // The parent stands for the event or code itself and is not exported.
  const parent: SpanContext = {
    traceId,
    spanId: traceId.slice(0, 16),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  };
  const parentContext = trace.setSpanContext(context.active(), parent);
  tracer()
    .startSpan(name, { ...options, startTime: start }, parentContext)
    .end(end);
}

/** Runs work in a span that is the parent of all spans within. */
export async function inSpan<T>(
  name: string,
  options: { readonly kind?: SpanKind; readonly attributes?: Attributes },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return tracer().startActiveSpan(name, options, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      failSpan(span, error);
      throw error;
    } finally {
      span.end();
    }
  });
}

/** Starts a span of a call to another server. The caller ends it. */
export function startClientSpan(name: string, attributes: Attributes): Span {
  return tracer().startSpan(name, { kind: SpanKind.CLIENT, attributes });
}

export function failSpan(span: Span, error: unknown): void {
  span.recordException(error as Error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
}

/** Records a failed or successful end. */
export function endSpan(span: Span, error?: unknown): void {
  if (error != null) failSpan(span, error);
  span.end();
}
