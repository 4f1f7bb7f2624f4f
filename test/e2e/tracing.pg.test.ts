import { context, propagation, type TextMapPropagator, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeTraceId, eventTraceId, isTracing } from '../../src/tracing.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { storyKey } from '../helpers/tidemark.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

/** The header traceparent, as W3C Trace Context defines it. */
const traceparent: TextMapPropagator = {
  fields: () => ['traceparent'],
  inject() {},
  extract(parent, carrier, getter) {
    const [, traceId = '', spanId = '', flags = '0'] = String(getter.get(carrier, 'traceparent')).split('-');
    return trace.setSpanContext(parent, { traceId, spanId, traceFlags: Number(flags), isRemote: true });
  },
};

describe('tracing with an OpenTelemetry SDK', () => {
  const exporter = new InMemorySpanExporter();
  let mirror: LiveMirror;
  beforeAll(async () => {
    expect(isTracing()).toBe(false);
    trace.setGlobalTracerProvider(
      new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }),
    );
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(traceparent);
    mirror = await openMirror();
  });
  afterAll(async () => {
    await mirror[Symbol.asyncDispose]();
    trace.disable();
    context.disable();
    propagation.disable();
  });

  const spans = (traceId: string): ReadableSpan[] =>
    exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId);
  const named = (found: readonly ReadableSpan[], name: string): ReadableSpan | undefined =>
    found.find((span) => span.name === name);
  const time = ([seconds, nanoseconds]: readonly [number, number]): number =>
    seconds * 1_000 + nanoseconds / 1e6;

  it('the trace of an event leads from its receipt to the commit, and links the batches with their statements', async () => {
    const id = await mirror.salesforce.create({ Name: 'Traced' });
    await mirror.accountWhen(id, 'the account is in the mirror', () => true);
    const [row] = await mirror.sql<{ schema_id: string; payload: Buffer }>(
      `select e.schema_id, e.payload from event_outcomes o join events e on e.id = o.event_id
        where o.record_ids = array[$1] order by e.id limit 1`,
      [id],
    );
    const traceId = eventTraceId(row?.schema_id ?? '', row?.payload ?? Buffer.of());
    const found = await mirror.until('the commit is traced', async () => {
      const all = spans(traceId);
      return named(all, 'commit') !== undefined && all;
    });
    const names = ['receive', 'store', 'decode', 'apply', 'commit'];
    expect(new Set(found.map(({ name }) => name))).toEqual(new Set(names));
    const starts = names.map((name) => time(named(found, name)?.startTime ?? [0, 0]));
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    for (const [name, batch] of [
      ['store', 'store events'],
      ['commit', 'apply batch'],
    ] as const) {
      const link = named(found, name)?.links[0]?.context;
      const linked = exporter.getFinishedSpans().find((span) => span.spanContext().spanId === link?.spanId);
      expect(linked?.name).toBe(batch);
      const statements = spans(link?.traceId ?? '').filter(
        ({ parentSpanContext }) => parentSpanContext?.spanId === link?.spanId,
      );
      expect(statements.map((span) => span.name)).toContain(
        name === 'store' ? 'store-events' : 'save-records',
      );
      expect(statements[0]?.attributes['db.system.name']).toBe('postgresql');
    }
  });

  it('the trace of a code leads from its assignment over the write to its confirmation', async () => {
    const id = await mirror.salesforce.create({ Name: 'With a traced code' });
    const { signupCode } = await writeBacksOf(mirror).confirmed(id);
    const found = await mirror.until('the confirmation is traced', async () => {
      const all = spans(codeTraceId(id, signupCode ?? ''));
      return named(all, 'signup code') !== undefined && all;
    });
    const write = named(found, 'write');
    const whole = named(found, 'signup code');
    expect(whole?.attributes['tidemark.account.id']).toBe(id);
    expect(time(whole?.startTime ?? [0, 0])).toBeLessThanOrEqual(time(write?.startTime ?? [0, 0]));
    expect(time(whole?.endTime ?? [0, 0])).toBeGreaterThanOrEqual(time(write?.endTime ?? [0, 0]));
  });

  it('calls of Salesforce are spans, and a refused one has the error', async () => {
    const all = (): ReadableSpan[] => exporter.getFinishedSpans();
    expect(all().map(({ name }) => name)).toContain('eventbus.v1.PubSub/GetSchema');
    const rest = all().find(({ attributes }) => /v66\.0\/query$/.test(String(attributes['url.path'])));
    expect(rest?.attributes).toMatchObject({
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
    });
    mirror.simulator.faults.stream.end.now({ errorCode: 'service.unavailable', status: 'UNAVAILABLE' });
    const stream = await mirror.until('the end of the stream is traced', async () =>
      all().find(({ name }) => name === 'eventbus.v1.PubSub/Subscribe'),
    );
    expect(stream.status.message).toMatch(/simulator ended this call/);
  });

  it('a request is a span in the trace of its caller, with its statements, without its query', async () => {
    const traceId = 'a'.repeat(32);
    await fetch(`${mirror.tidemark.url}/v1/accounts?q=secret`, {
      headers: { authorization: `Bearer ${storyKey}`, traceparent: `00-${traceId}-${'b'.repeat(16)}-01` },
    });
    const found = await mirror.until('the request is traced', async () => {
      const own = spans(traceId);
      return named(own, 'GET /v1/accounts') !== undefined && own;
    });
    const request = named(found, 'GET /v1/accounts');
    expect(request?.parentSpanContext?.spanId).toBe('b'.repeat(16));
    expect(request?.attributes).toMatchObject({
      'http.route': '/v1/accounts',
      'http.response.status_code': 200,
    });
    expect(found.some(({ attributes }) => attributes['db.system.name'] === 'postgresql')).toBe(true);
    expect(JSON.stringify(found.map(({ name, attributes }) => [name, attributes]))).not.toContain('secret');
  });
});
