import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { releaseOnClose } from '../../src/http/plugins/shed-load.ts';
import { eventually } from '../helpers/eventually.ts';

it('what a client holds is released when it leaves, also before it is asked for', async () => {
  let response: ServerResponse | undefined;
  const server = createServer((_, answered) => {
    response = answered;
  }).listen(0, '127.0.0.1');
  await eventually('the server listens', () => server.listening);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
  const open = await eventually('the request has arrived', () => response);
  let released = 0;
  releaseOnClose(open, () => void released++);
  expect(released).toBe(0);
  socket.destroy();
  await eventually('the client has left', () => open.closed);
  expect(released).toBe(1);
  releaseOnClose(open, () => void released++);
  expect(released).toBe(2);
  server.close();
});
