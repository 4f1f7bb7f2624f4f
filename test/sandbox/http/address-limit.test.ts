import { describe, expect, it } from 'vitest';
import { useSandbox } from './open-sandbox.ts';

const sandbox = useSandbox();

describe('an address and headers of 16,384 bytes', () => {
  const send = (addressBytes: number, headerBytes: number) => {
    const path = '/services/data/v66.0/query?q=';
    return fetch(`${sandbox.sandbox.instanceUrl}${path.padEnd(addressBytes, 'x')}`, {
      headers: { 'x-padding': 'x'.repeat(headerBytes) },
    });
  };

  it.each([
    ['are accepted', 8_000, 7_000, 401],
    ['are the limit of the address', 16_385, 1, 414],
    ['are the limit of both together', 8_000, 8_500, 431],
  ])('long addresses and headers %s', async (_, addressBytes, headerBytes, status) => {
    const answer = await send(addressBytes, headerBytes);
    expect(answer.status).toBe(status);
    if (status !== 401) expect(await answer.text()).toContain(`<h1>Bad Message ${status}</h1>`);
  });
});
