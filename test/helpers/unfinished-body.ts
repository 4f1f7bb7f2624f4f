import { connect } from 'node:net';

export type UnfinishedBody = {
  /** What has been answered so far. */
  answer(): string;
  /** Resolves to the answer when the connection has ended. */
  readonly ended: Promise<string>;
  /** How much of the body the kernel has taken. */
  sent(): number;
  close(): void;
};

export type UnfinishedOptions = {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the header says. */
  readonly length: number;
  /** What is sent. */
  readonly bytes: number;
};

const piece = Buffer.alloc(64 * 1024, 'x');

/** Sends a part of a body and leaves the connection open. */
export function sendUnfinished({ port, path, headers, length, bytes }: UnfinishedOptions): UnfinishedBody {
  const socket = connect({ host: '127.0.0.1', port });
  const lines = Object.entries({ host: 'x', ...headers, 'content-length': length });
  let answer = '';
  let sent = 0;
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  socket.setEncoding('latin1').on('data', (text: string) => {
    answer += text;
  });
  socket.on('error', () => {});
  socket.on('close', () => resolve(answer));
  socket.write(
    `POST ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
  const send = (): void => {
    if (sent >= bytes || socket.destroyed) return;
    const next = piece.subarray(0, Math.min(piece.length, bytes - sent));
    socket.write(next, (error) => {
      if (error) return;
      sent += next.length;
      send();
    });
  };
  send();
  return { answer: () => answer, ended, sent: () => sent, close: () => socket.destroy() };
}
