import { describe, expect, it } from 'vitest';
import { useSimulator } from './open-simulator.ts';

const simulator = useSimulator();

describe('an address and headers of 16,384 bytes', () => {
  const send = (addressBytes: number, headerBytes: number) => {
    const path = '/services/data/v66.0/query?q=';
    return fetch(`${simulator.simulator.instanceUrl}${path.padEnd(addressBytes, 'x')}`, {
      headers: { 'x-padding': 'x'.repeat(headerBytes) },
    });
  };

  it.each([
    ['both together are below it', 8_000, 7_000, 401],
    ['the address exceeds it', 16_385, 1, 414],
    ['both together exceed it', 8_000, 8_500, 431],
  ])('the limit for an address and headers applies if %s', async (_, addressBytes, headerBytes, status) => {
    const answer = await send(addressBytes, headerBytes);
    expect(answer.status).toBe(status);
    if (status !== 401) expect(await answer.text()).toContain(`<h1>Bad Message ${status}</h1>`);
  });
});
