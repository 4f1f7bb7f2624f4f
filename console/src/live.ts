import { signal } from '@preact/signals';
import { ApiError, authorizedFetch } from './api.ts';
import { type Message, parseMessages } from './parse-messages.ts';
import { hrefOf } from './router.ts';

export type LiveState = 'connecting' | 'open' | 'interrupted';

/** The state of the stream that keeps all pages current. */
export const liveState = signal<LiveState>('connecting');

const minBackoffMs = 1_000;
const maxBackoffMs = 30_000;

/**
 * Follows a stream until the signal is aborted, and resumes it after the last message when it breaks.
 * `EventSource` cannot send the key.
 */
export async function followEvents(
  path: '/v1/events/stream' | '/v1/events/notices',
  query: Readonly<Record<string, string>>,
  onMessage: (message: Message) => void,
  onState: (state: LiveState) => void,
  signal: AbortSignal,
): Promise<void> {
  let lastId = '';
  let backoffMs = minBackoffMs;
  onState('connecting');
  while (!signal.aborted) {
    try {
      for await (const message of open(path, query, lastId, signal)) {
        onState('open');
        backoffMs = minBackoffMs;
        lastId = message.id || lastId;
        onMessage(message);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && error.status === 401) return;
    }
    if (signal.aborted) return;
    onState('interrupted');
    await new Promise((resolve) => setTimeout(resolve, backoffMs * (0.5 + Math.random() / 2)));
    backoffMs = Math.min(backoffMs * 2, maxBackoffMs);
  }
}

async function* open(
  path: string,
  query: Readonly<Record<string, string>>,
  lastId: string,
  signal: AbortSignal,
): AsyncGenerator<Message> {
  const url = new URL(hrefOf(path));
  url.search = new URLSearchParams(query).toString();
  const headers = { accept: 'text/event-stream', ...(lastId !== '' && { 'last-event-id': lastId }) };
  const response = await authorizedFetch(new Request(url, { headers, signal, cache: 'no-store' }));
  if (!response.ok || response.body === null) {
    throw new ApiError({ title: 'The event stream was refused', status: response.status });
  }
  yield* parseMessages(response.body.pipeThrough(new TextDecoderStream()));
}
