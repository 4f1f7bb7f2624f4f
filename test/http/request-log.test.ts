import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { keys, startServer } from './start-server.ts';

test('a request is one log line without key, query and body', async () => {
  const { lines, stream } = collect();
  const server = await startServer({ overrides: { logger: pino(stream) } });
  await server.send('post', '/v1/accounts/001al00000K3N1wAAF/resync?canary=CANARY', {
    key: keys.write,
    headers: { 'x-request-id': 'the-request' },
    body: { canary: 'CANARY' },
  });
  const line = await eventually('the line is written', () =>
    lines.find((text) => text.includes('the-request')),
  );
  expect(JSON.parse(line)).toMatchObject({
    level: 30,
    requestId: 'the-request',
    method: 'POST',
    route: '/v1/accounts/:id/resync',
    status: 400,
    caller: 'writer',
    msg: 'request',
  });
  await server.close();
  expect(lines.filter((text) => text.includes('the-request'))).toHaveLength(1);
  expect(lines.join('')).not.toMatch(new RegExp(`CANARY|${keys.write}`));
});

test('an internal failure is logged with its cause', async () => {
  const { lines, stream } = collect();
  const overrides = { logger: { level: 'error', stream } };
  const server = await startServer({ overrides, failure: new Error('The queue is closed') });
  await server.send('post', '/v1/accounts/001al00000K3N1wAAF/resync', { key: keys.write });
  await eventually('the cause is written', () => lines.some((text) => text.includes('The queue is closed')));
  await server.close();
});

test("the server's own log hides credentials, whatever their place", async () => {
  const { lines, stream } = collect();
  const server = await startServer({ overrides: { logger: { stream } } });
  server.app.log.info({ headers: { authorization: 'CANARY' }, key: { secret: 'CANARY' } }, 'careless');
  await eventually('the line is written', () => lines.some((text) => text.includes('careless')));
  await server.close();
  expect(lines.join('')).not.toContain('CANARY');
});

function collect(): { lines: string[]; stream: Writable } {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, stream };
}
