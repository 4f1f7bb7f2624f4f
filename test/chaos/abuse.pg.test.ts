import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadLimits } from '../../src/config/parse-access.ts';
import { defaultBodyLimits } from '../../src/http/plugins/body-budget.ts';
import { startFlood } from '../helpers/flood.ts';
import { type LiveMirror, openMirror, sound } from '../helpers/live-mirror.ts';
import { storyKey } from '../helpers/tidemark.ts';

const attackerKey = 'tdm_test_key_of_the_attacker';

let mirror: LiveMirror;
let port: number;
let slow: Promise<string[]>;
beforeAll(async () => {
  mirror = await openMirror({
    build: { ...sound, patienceMs: 150_000 },
    tidemark: {
      apiKeys: [
        { name: 'story', scopes: ['read', 'write', 'admin'], secret: storyKey },
        { name: 'attacker', scopes: ['read', 'write'], secret: attackerKey },
      ],
      access: {
        rateLimits: { perKey: 15_000, perAddress: 600, perWebhookAddress: 600 },
        loadLimits,
      },
    },
  });
  port = Number(new URL(mirror.tidemark.url).port);
  // Instead of after 15 and 30 s.
  Object.assign(mirror.tidemark.app.server, { headersTimeout: 1_000, requestTimeout: 1_500 });
  slow = Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      sendSlowly(n % 2 === 0 ? 'GET /v1/accounts HTTP/1.1\r\nX-' : bodyOf(1_000)),
    ),
  );
});
afterAll(() => mirror[Symbol.asyncDispose]());

/** The service is ready, and a change made now arrives. */
async function keepsServing(): Promise<void> {
  await mirror.until(
    'the service is ready',
    async () => (await fetch(`${mirror.tidemark.url}/health/ready`)).ok,
  );
  const id = await mirror.salesforce.create({ Name: 'Made under attack' });
  await mirror.accountWhen(
    id,
    'a change made under attack arrives',
    ({ name }) => name === 'Made under attack',
  );
}

describe('abuse of the API while changes arrive', { timeout: 400_000 }, () => {
  test('10,000 requests per second with one key delay no change', async () => {
    await using flood = startFlood({ port, path: '/v1/accounts', key: attackerKey, perSecond: 10_000 });
    await mirror.until('requests are let through', () => Promise.resolve((flood.counts()[200] ?? 0) > 0));
    await keepsServing();
    await mirror.until('requests are refused', () => Promise.resolve((flood.counts()[429] ?? 0) > 200));
    await keepsServing();
    // More than the limit did not get through.
    expect(flood.counts()[200] ?? 0).toBeLessThanOrEqual(15_000);
  });

  test('a body of 10 MB with or without its length delays no change', async () => {
    for (const headers of [
      { 'content-length': String(10 * 1024 * 1024) },
      { 'transfer-encoding': 'chunked' },
    ]) {
      expect(await sendMuch(headers)).toBe(413);
    }
    await keepsServing();
  });

  test('JSON nested a hundred thousand levels deep delays no change', async () => {
    const body = '['.repeat(100_000) + ']'.repeat(100_000);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`${mirror.tidemark.url}/v1/resyncs`, {
          method: 'POST',
          headers: { authorization: `Bearer ${storyKey}`, 'content-type': 'application/json' },
          body,
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
    await keepsServing();
  });

  test('requests that never end have delayed no change during all of this', async () => {
    const answers = await slow;
    const statuses = answers.map((answer) => Number(/^HTTP\/1\.1 (\d+) /.exec(answer)?.[1]));
    // Headers that never end, and as many bodies as one address may have unfinished.
    expect(statuses.filter((_, n) => n % 2 === 0)).toEqual(Array(50).fill(408));
    const ofBodies = Object.groupBy(
      statuses.filter((_, n) => n % 2 === 1),
      (status) => String(status),
    );
    expect(ofBodies['408']?.length).toBe(defaultBodyLimits.maxUnfinishedPerClient);
    expect(ofBodies['429']?.length).toBe(50 - defaultBodyLimits.maxUnfinishedPerClient);
    await keepsServing();
  });
});

const bodyOf = (bytes: number): string =>
  `POST /v1/resyncs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${storyKey}\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n{`;

/** Sends a byte every 50 ms for as long as the connection is there; what is answered comes with its end. */
async function sendSlowly(beginning: string): Promise<string> {
  // An address of its own: unfinished bodies are limited per address, and the other tests send bodies too.
  const socket = connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' });
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => {
    text += piece;
  });
  // The service may close the connection during a write: an error event comes before the close event then.
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => {});
  socket.write(beginning);
  const timer = setInterval(() => socket.write('a'), 50);
  await closed;
  clearInterval(timer);
  return text;
}

/** The status that answers 10 MB; the service may end the connection before all is sent. */
function sendMuch(headers: Record<string, string>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sending = request({
    host: '127.0.0.1',
    port,
    path: '/v1/resyncs',
    method: 'POST',
    headers: { authorization: `Bearer ${storyKey}`, 'content-type': 'application/json', ...headers },
  });
  sending.on('response', (response) => resolve(response.resume().statusCode ?? 0));
  sending.on('error', reject);
  for (let n = 0; n < 160; n++) sending.write('a'.repeat(64 * 1024));
  sending.end();
  return promise;
}
