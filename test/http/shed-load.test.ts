import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { reportBursts } from '../../src/http/plugins/report-bursts.ts';
import type { LoadLimits } from '../../src/http/plugins/shed-load.ts';
import { eventually } from '../helpers/eventually.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const lines: { readonly level: number; readonly msg: string }[] = [];
const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });

let server: TestServer;
afterEach(() => server.close());

/** A server with a route that responds when the test allows it, and a function that requests it. */
async function start(loadLimits: LoadLimits) {
  lines.length = 0;
  server = await startServer({ listen: false, overrides: { access: { loadLimits }, logger } });
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
    expect((await ask('', '/metrics')).body).toContain('tidemark_http_shed_requests_total 1');
    tell();
    for (const answer of await Promise.all([...first, third])) expect(answer.statusCode).toBe(200);
    // There is room again, for each of them.
    const again = await Promise.all([ask(keys.read), ask(keys.read), ask(keys.admin)]);
    expect(again.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
  });

  test('rejected requests are one line in the log when they begin, and one with their number when they end', async () => {
    const { ask, tell, untilHeld } = await start({
      maxLatenessMs: 60_000,
      maxInFlight: 1,
      maxInFlightPerCaller: 1,
    });
    const first = ask(keys.read);
    await untilHeld(1);
    const refused = await Promise.all(Array.from({ length: 500 }, () => ask(keys.write)));
    expect(new Set(refused.map(({ statusCode }) => statusCode))).toEqual(new Set([503]));
    tell();
    await first;
    await server.app.close();
    expect(lines.filter(({ msg }) => msg !== 'request')).toMatchObject([
      { level: 40, msg: 'overloaded; rejecting requests' },
      { level: 30, msg: 'overload ended', requests: 500 },
    ]);
  });
});

describe('a burst of rejected requests', () => {
  test('a burst ends when there were no more for a while, and the next one is reported again', async () => {
    await start({ maxLatenessMs: 60_000, maxInFlight: 1, maxInFlightPerCaller: 1 });
    const reports: unknown[] = [];
    const report = reportBursts<string>(
      server.app,
      { began: (first) => reports.push(first), ended: ({ requests }) => reports.push(requests) },
      20,
    );
    report('first');
    report('second');
    await eventually('its end is reported', () => reports.length === 2);
    report('third');
    await server.app.close();
    expect(reports).toEqual(['first', 2, 'third', 1]);
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
