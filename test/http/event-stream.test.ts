import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import {
  registerEventStreams,
  type StreamMessage,
  wantsStream,
} from '../../src/http/streams/event-stream.ts';
import { eventually } from '../helpers/eventually.ts';
import { openStream } from './read-stream.ts';

const limitMs = 200;
const stallMs = 300;
const app = () => fastify({ handlerTimeout: limitMs });
let opened: ReturnType<typeof app> | undefined;
afterEach(() => opened?.close());

/** A server with one stream, and what it streams. */
async function serve(source: (signal: AbortSignal) => AsyncIterable<StreamMessage>): Promise<string> {
  opened = app();
  const server = opened;
  const streams = await registerEventStreams(server, stallMs);
  server.decorateRequest('callerName', '');
  server.get('/', { sse: 'dual', config: { scope: 'read' } }, async (request, reply) => {
    if (!wantsStream(request, reply)) return 'plain';
    await streams.send(request, reply, source);
    return reply;
  });
  return server.listen({ host: '127.0.0.1', port: 0 });
}

test('a stream outlasts the request timeout', async () => {
  const url = await serve(async function* () {
    yield { event: 'first', data: 1 };
    await pause(2 * limitMs);
    yield { event: 'second', data: { text: 'two\nlines' } };
  });
  const stream = await openStream(url);
  expect(await stream.next()).toEqual({ event: 'first', data: 1 });
  expect(await stream.next()).toEqual({ event: 'second', data: { text: 'two\nlines' } });
  expect(await stream.next()).toBeUndefined();
});

test('a source that breaks ends its stream and nothing else', async () => {
  const url = await serve(async function* () {
    yield { event: 'first', data: 1 };
    throw new Error('the source broke');
  });
  const stream = await openStream(url);
  await stream.next();
  expect(await stream.next()).toBeUndefined();
  expect(await (await fetch(url)).text()).toBe('plain');
});

test('a reader that takes nothing is disconnected and delays only its own stream', async () => {
  let made = 0;
  const url = await serve(async function* () {
    for (; made < 1_000; made++) yield { event: 'large', data: 'x'.repeat(1024 * 1024) };
  });
  const accepted: Socket[] = [];
  opened?.server.on('connection', (socket) => accepted.push(socket));
  const { hostname, port } = new URL(url);
  const silent = connect(Number(port), hostname).pause();
  silent.on('error', () => {});
  silent.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n');
  await eventually('it begins', () => made > 0);
  expect(await (await fetch(url)).text()).toBe('plain');
  await eventually('it is given up', () => accepted[0]?.destroyed);
  expect(made).toBeLessThan(100);
  silent.destroy();
});
