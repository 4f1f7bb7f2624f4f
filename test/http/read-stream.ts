import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import { EventSourceParserStream } from 'eventsource-parser/stream';
import { keys } from './start-server.ts';

export type Message = { readonly event: string; readonly data: Readonly<Record<string, unknown>> };

/** Opens a stream of Server-Sent Events on a connection of its own, and reads one message after the other. */
export async function openStream(url: string, key: string = keys.read): Promise<OpenStream> {
  const headers = { authorization: `Bearer ${key}`, accept: 'text/event-stream' };
  const sent = request(url, { headers, agent: false }).end();
  const [response]: IncomingMessage[] = await once(sent, 'response');
  if (response === undefined) throw new Error('there is no answer');
  // Leaving the loop cancels the request.
  response.on('error', () => {});
  const messages = Readable.toWeb(response)
    .pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  return {
    status: response.statusCode,
    headers: response.headers,
    async next() {
      const { value } = await messages.read();
      return value && { event: value.event ?? 'message', data: JSON.parse(value.data) };
    },
    leave: () => void response.destroy(),
  };
}

export type OpenStream = {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  /** Undefined when the server has ended the stream. */
  next(): Promise<Message | undefined>;
  /** Breaks the connection off. */
  leave(): void;
};
