import { setTimeout as pause } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import type { Static } from 'typebox';
import type { ResyncSchema } from '../http/schemas/resync.ts';
import { type Api, Unreachable } from './api.ts';

export type Resync = Static<typeof ResyncSchema>;

// The service says something every 15 seconds, if only a comment.
const silenceLimitMs = 45_000;
const tryAgainMs = 1_000;
/** A service that is started again is back by then. */
const maxTries = 60;

/** The resync whenever it has changed, the last time when it has ended or needs confirmation. A connection that breaks is opened again. */
export async function* followResync(api: Api, id: string): AsyncGenerator<Resync> {
  for (let failures = 0; ; failures++) {
    try {
      for await (const resync of readStream(api, `/v1/resyncs/${id}`)) {
        failures = 0;
        yield resync;
        if (isAtRest(resync)) return;
      }
    } catch (error) {
      if (!(error instanceof Unreachable) || failures >= maxTries) throw error;
    }
    await pause(tryAgainMs);
  }
}

/** It has ended, or goes on only when a person has acted. */
function isAtRest({ state }: Resync): boolean {
  return ['needs-confirmation', 'done', 'failed', 'cancelled'].includes(state);
}

async function* readStream(api: Api, path: string): AsyncGenerator<Resync> {
  const giveUp = new AbortController();
  const watchdog = setTimeout(() => giveUp.abort(), silenceLimitMs);
  const received: Resync[] = [];
  const parser = createParser({ onEvent: ({ data }) => received.push(JSON.parse(data)) });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunks(await api.open(path, giveUp.signal), api.url)) {
      watchdog.refresh();
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* received.splice(0);
    }
  } finally {
    clearTimeout(watchdog);
    giveUp.abort();
  }
}

async function* chunks(body: ReadableStream<Uint8Array>, url: string): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw new Unreachable(`The connection to ${url} broke (${(error as Error).message}).`);
  }
}
