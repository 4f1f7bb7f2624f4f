import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createClockDifference } from '../../src/salesforce/clock-difference.ts';
import { connect } from '../../src/salesforce/sign-in.ts';

const noon = Date.parse('2026-11-29T12:00:00.000Z');

describe('the difference of the clocks', () => {
  it.each([
    ['equal', 0],
    ['behind by 11 s', -11_000],
    ['ahead by an hour', 3_600_000],
  ])('a clock that is %s is found by the date of an answer', (_name, skewMs) => {
    const clock = createClockDifference(
      () => noon + 500 + skewMs,
      () => 100,
    );
    expect(clock.current()).toBeNull();
    clock.observe('Sun, 29 Nov 2026 12:00:00 GMT', 50, 150);
    expect(clock.current()).toBe(skewMs);
  });

  it('a clock that is corrected is right at once, without another answer', () => {
    let skewMs = -60_000;
    let elapsedMs = 0;
    const clock = createClockDifference(
      () => noon + 500 + elapsedMs + skewMs,
      () => elapsedMs,
    );
    clock.observe('Sun, 29 Nov 2026 12:00:00 GMT', 0, 0);
    elapsedMs = 3_600_000;
    expect(clock.current()).toBe(-60_000);
    skewMs = 0;
    expect(clock.current()).toBe(0);
  });

  it('an answer without a date, with a bad one, or that took long says nothing', () => {
    const clock = createClockDifference();
    clock.observe(undefined, 0, 1);
    clock.observe('yesterday', 0, 1);
    clock.observe('Sun, 29 Nov 2026 12:00:00 GMT', 0, 10_001);
    expect(clock.current()).toBeNull();
  });

  it('an answer of the REST API shows that this clock is a minute behind', async () => {
    const server = createServer((_request, response) => {
      const date = new Date(Date.now() + 60_000).toUTCString();
      response.writeHead(200, { 'content-type': 'application/json', date }).end('{"records":[]}');
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    onTestFinished(() => void server.close());
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { connection, clock } = await connect({
      loginUrl: 'https://login.salesforce.com',
      credentials: {
        flow: 'access-token',
        accessToken: 'token',
        instanceUrl: `http://127.0.0.1:${port}`,
      },
      apiVersion: '66.0',
    });
    expect(clock.current()).toBeNull();
    await connection.request('/services/data');
    expect(Math.round((clock.current() ?? 0) / 10_000)).toBe(-6);
  });
});
