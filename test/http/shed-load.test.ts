import { afterEach, describe, expect, test } from 'vitest';
import type { LoadLimits } from '../../src/http/plugins/shed-load.ts';
import { eventually } from '../helpers/eventually.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let server: TestServer;
afterEach(() => server.close());

/** A server with a route that responds when the test allows it, and a function that requests it. */
async function start(loadLimits: LoadLimits) {
  server = await startServer({ listen: false, overrides: { access: { loadLimits } } });
  const { promise: told, resolve: tell } = Promise.withResolvers<void>();
  let held = 0;
  server.app.get('/v1/held', { config: { scope: 'read' } }, async () => {
    held += 1;
    await told;
    return 'done';
  });
  const ask = (key: string, url = '/v1/held') =>
    server.app.inject({ url, headers: { authorization: `Bearer ${key}` } });
  const untilHeld = (count: number) => eventually(`${count} requests are held`, () => held === count);
  return { ask, tell, untilHeld };
}

describe('concurrent requests', () => {
  test('concurrent requests are limited per caller and in total, and refused ones take no slot', async () => {
    const { ask, tell, untilHeld } = await start({
      maxLatenessMs: 60_000,
      maxInFlight: 3,
      maxInFlightPerCaller: 2,
    });
    const first = [ask(keys.read), ask(keys.read)];
    await untilHeld(2);
    const ofOne = await Promise.all([ask(keys.read), ask(keys.read), ask(keys.read)]);
    for (const answer of ofOne) {
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '1']);
      expect(answer.json()).toMatchObject({ detail: 'The limit of 2 concurrent requests is reached.' });
    }
    const third = ask(keys.write);
    await untilHeld(3);
    const full = await ask(keys.admin);
    expect([full.statusCode, full.headers['retry-after']]).toEqual([503, '2']);
    expect(full.json()).toMatchObject({ detail: 'The service is overloaded.' });
    expect((await ask('', '/health/live')).statusCode).toBe(200);
    expect((await ask('', '/metrics')).body).toContain('tidemark_shed_requests_total 1');
    tell();
    for (const answer of await Promise.all([...first, third])) expect(answer.statusCode).toBe(200);
    // There is room again, for each of them.
    const again = await Promise.all([ask(keys.read), ask(keys.read), ask(keys.admin)]);
    expect(again.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
  });
});

describe('an overloaded process', () => {
  test('an overloaded process refuses requests until it has caught up and answers health checks', async () => {
    const { ask } = await start({ maxLatenessMs: 150, maxInFlight: 100, maxInFlightPerCaller: 100 });
    const busy = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700), 1);
    try {
      await eventually('a request is refused', async () => (await ask('', '/')).statusCode === 503);
      expect((await ask('', '/health/live')).statusCode).toBe(200);
    } finally {
      clearInterval(busy);
    }
    await eventually('requests are let in again', async () => (await ask('', '/')).statusCode === 200);
  });
});
