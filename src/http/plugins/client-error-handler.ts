import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { nanoid } from 'nanoid';
import { Problem } from '../problem.ts';

/** Responds to what Node cannot parse as an HTTP request, and closes the connection. */
export function handleClientError(error: Error & { code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const problem = clientProblem(error.code);
  const id = nanoid();
  const body = JSON.stringify(problem.toBody(id));
  socket.end(
    [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Request-Id: ${id}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

function clientProblem(code: string): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'The request was not received in time.');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'The headers must not exceed 16 KiB in total.');
    default:
      return new Problem('invalid-request', 'The request is not valid HTTP.');
  }
}
