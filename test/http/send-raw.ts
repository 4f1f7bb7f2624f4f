import { Agent, type IncomingMessage, request } from 'node:http';
import type { MadeRequest } from './described-requests.ts';

export type RawAnswer = {
  readonly status: number;
  readonly type: string;
  readonly headers: IncomingMessage['headers'];
  /** JSON as it was meant, else the text; of a stream what came first. */
  readonly body: unknown;
};

/** Sends requests as they are, however badly written. A stream is closed after its first bytes. */
export function openSender(url: string, concurrent: number) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrent });
  const { hostname, port } = new URL(url);
  return {
    close: () => agent.destroy(),
    send({ operation: { method }, url: path, headers, body }: MadeRequest, key: string): Promise<RawAnswer> {
      const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
      const all = { ...headers, ...length, ...(key === '' ? {} : { authorization: `Bearer ${key}` }) };
      return new Promise((resolve, reject) => {
        const sent = request({ agent, hostname, port, method, path, headers: all }, (response) => {
          const type = String(response.headers['content-type'] ?? '').split(';', 1)[0] ?? '';
          let text = '';
          const answer = (): void => {
            const content =
              /json$/.test(type) && !/ndjson/.test(type) && text !== '' ? JSON.parse(text) : text;
            resolve({ status: response.statusCode ?? 0, type, headers: response.headers, body: content });
          };
          response.setEncoding('utf8').on('data', (chunk: string) => {
            text += chunk;
            if (type !== 'text/event-stream') return;
            answer();
            response.destroy();
          });
          response.on('end', answer).on('error', () => {});
        });
        sent.on('error', reject).end(body);
      });
    },
  };
}

export type Sender = ReturnType<typeof openSender>;
