import { setTimeout as pause } from 'node:timers/promises';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { type Api, UnreachableError } from './api.ts';
import type { Context } from './command.ts';

// The service sends a comment every 15 seconds.
const silenceTimeoutMs = 45_000;
const retryIntervalMs = 1_000;

/** How many attempts to connect may fail in a row, before and after the first event. */
export type RetryLimits = { readonly first: number; readonly later: number };

/**
 * Yields Server-Sent Events without an end. Reconnects if the connection breaks, and resumes after the last event.
 * @throws CliError if the limit of failed attempts is reached, or the request is refused
 */
export async function* followStream(
  { api, out }: Context,
  path: string,
  limits: RetryLimits,
): AsyncGenerator<EventSourceMessage> {
  let lastEventId = '';
  let maxFailures = limits.first;
  for (let failures = 0; ; failures++) {
    try {
      for await (const message of readStream(api, path, lastEventId)) {
        maxFailures = limits.later;
        failures = 0;
        lastEventId = message.id ?? lastEventId;
        yield message;
      }
      throw new UnreachableError(`${api.url} closed the stream.`);
    } catch (error) {
      if (!(error instanceof UnreachableError) || failures >= maxFailures) throw error;
      if (failures === 0) out.note(`${error.message} Reconnecting …`);
    }
    await pause(retryIntervalMs);
  }
}

async function* readStream(api: Api, path: string, lastEventId: string): AsyncGenerator<EventSourceMessage> {
  const controller = new AbortController();
  const watchdog = setTimeout(() => controller.abort(), silenceTimeoutMs);
  const received: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (message) => received.push(message) });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of chunks(await api.open(path, lastEventId, controller.signal), api.url)) {
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
