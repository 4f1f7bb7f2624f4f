import { once } from 'node:events';
import { request } from 'node:http';
import { createParser } from 'eventsource-parser';
import { keys } from './start-server.ts';

export type LiveMessage = {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: LiveData;
};
export type LiveData = {
  readonly id?: string;
  readonly position?: string;
  readonly reason?: string;
  readonly resumed?: boolean;
  readonly lastEventId?: string;
  readonly state?: string;
  readonly recordIds?: readonly string[];
  readonly decoded?: { readonly fields: Readonly<Record<string, unknown>> } | null;
};

/** A reader of the live stream that keeps what arrives. */
export type LiveReader = {
  readonly status: number | undefined;
  readonly messages: readonly LiveMessage[];
  /** The numbers in the log of the changes that arrived, in order. */
  changes(): string[];
  lastId(): string | undefined;
  ended(): boolean;
  leave(): void;
};

export async function readLive(
  url: string,
  {
    stream = 'stream',
    query = '',
    lastEventId,
    key = keys.read,
  }: { stream?: 'stream' | 'notices'; query?: string; lastEventId?: string | undefined; key?: string } = {},
): Promise<LiveReader> {
  const headers = {
    authorization: `Bearer ${key}`,
    ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
  };
  const sent = request(`${url}/v1/events/${stream}${query}`, { headers, agent: false }).end();
  const [response] = await once(sent, 'response');
  const messages: LiveMessage[] = [];
  const parser = createParser({
    onEvent: ({ id, event = 'message', data }) => messages.push({ id, event, data: JSON.parse(data) }),
  });
  let ended = false;
  response.setEncoding('utf8');
  if (response.statusCode === 200) response.on('data', (text: string) => parser.feed(text));
  else response.resume();
  response.on('close', () => {
    ended = true;
  });
  response.on('error', () => {});
  return {
    status: response.statusCode,
    messages,
    changes: () => messages.flatMap(({ event, data }) => (event === 'change' ? [data.id ?? ''] : [])),
    lastId: () => messages.at(-1)?.id,
    ended: () => ended,
    leave: () => void response.destroy(),
  };
}
