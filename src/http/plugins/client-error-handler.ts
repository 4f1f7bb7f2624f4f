import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { nanoid } from 'nanoid';
import { Problem } from '../problem.ts';

/** Answers what Node could not even read as a request, and ends the connection. */
export function handleClientError(error: Error & { code: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return;
  const problem = toProblem(error.code);
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

function toProblem(code: string): Problem {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem('request-timeout', 'The request did not arrive in time.');
    case 'HPE_HEADER_OVERFLOW':
      return new Problem('headers-too-large', 'The headers may have at most 16 KiB together.');
    default:
      return new Problem('invalid-request', 'This is not a valid HTTP request.');
  }
}
