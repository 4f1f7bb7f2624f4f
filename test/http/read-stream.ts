import { EventSourceParserStream } from 'eventsource-parser/stream';
import { keys } from './start-server.ts';

export type Message = { readonly event: string; readonly data: Readonly<Record<string, unknown>> };

/** Opens a stream of Server-Sent Events, and reads one message after the other. */
export async function openStream(url: string, key: string = keys.read): Promise<OpenStream> {
  const leaving = new AbortController();
  const response = await fetch(url, {
    headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
    signal: leaving.signal,
  });
  const messages = response.body
    ?.pipeThrough(new TextDecoderStream())
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  return {
    response,
    async next() {
      const read = await messages?.read();
      if (read?.value === undefined) return undefined;
      return { event: read.value.event ?? 'message', data: JSON.parse(read.value.data) };
    },
    leave: () => leaving.abort(),
  };
}

export type OpenStream = {
  readonly response: Response;
  /** Undefined when the server has ended the stream. */
  next(): Promise<Message | undefined>;
  /** Breaks the connection off. */
  leave(): void;
};
