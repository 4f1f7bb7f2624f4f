import { setTimeout as pause } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import type { Static } from 'typebox';
import type { ResyncSchema } from '../http/schemas/resync.ts';
import { type Api, UnreachableError } from './api.ts';

export type Resync = Static<typeof ResyncSchema>;

// The service sends a comment every 15 seconds.
const silenceTimeoutMs = 45_000;
const retryIntervalMs = 1_000;
/** Long enough for a restart of the service. */
const maxRetries = 60;

/** Yields the resync after each change until it is final or needs confirmation. Reconnects if the connection breaks. */
export async function* followResync(api: Api, id: string): AsyncGenerator<Resync> {
  for (let failures = 0; ; failures++) {
    try {
      for await (const resync of readStream(api, `/v1/resyncs/${id}`)) {
        failures = 0;
        yield resync;
        if (isAtRest(resync)) return;
      }
    } catch (error) {
      if (!(error instanceof UnreachableError) || failures >= maxRetries) throw error;
    }
    await pause(retryIntervalMs);
  }
}

/** Whether the resync is final or needs confirmation. */
function isAtRest({ state }: Resync): boolean {
  return ['needs-confirmation', 'done', 'failed', 'cancelled'].includes(state);
}

async function* readStream(api: Api, path: string): AsyncGenerator<Resync> {
  const controller = new AbortController();
  const watchdog = setTimeout(() => controller.abort(), silenceTimeoutMs);
  const received: Resync[] = [];
  const parser = createParser({ onEvent: ({ data }) => received.push(JSON.parse(data)) });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunks(await api.open(path, controller.signal), api.url)) {
      watchdog.refresh();
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* received.splice(0);
    }
  } finally {
    clearTimeout(watchdog);
    controller.abort();
  }
}

async function* chunks(body: ReadableStream<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new UnreachableError(`The connection to ${url} broke (${(error as Error).message}).`);
  }
}
