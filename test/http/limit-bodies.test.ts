import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../helpers/eventually.ts';
import { sendUnfinished, type UnfinishedBody, type UnfinishedOptions } from '../helpers/unfinished-body.ts';
import { sendersFor } from '../helpers/webhooks.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

const megabyte = 1024 ** 2;

describe('request bodies on their way', () => {
  let server: TestServer;
  let port: number;
  const open: UnfinishedBody[] = [];
  beforeAll(async () => {
    server = await startServer({
      overrides: {
        webhooks: sendersFor('00Dal00000AbCdEEAV'),
        access: { trustedProxies: ['127.0.0.1'] },
      },
    });
    port = Number(new URL(server.url).port);
  });
  afterEach(async () => {
    for (const body of open) body.close();
    await Promise.all(open.splice(0).map(({ ended }) => ended));
  });
  afterAll(() => server.close());

  const send = (given: Partial<UnfinishedOptions> = {}): UnfinishedBody => {
    const body = sendUnfinished({
      port,
      path: '/webhooks/change-events',
      length: 5 * megabyte,
      bytes: 1,
      ...given,
      headers: { ...wronglySigned(), ...given.headers },
    });
    open.push(body);
    return body;
  };
  const answered = (bodies: readonly UnfinishedBody[]): string[] =>
    bodies.map(({ answer }) => answer()).filter((answer) => answer !== '');
  /** Resolves to the first answer of one of them; the others get none. */
  const onlyAnswer = async (bodies: readonly UnfinishedBody[]): Promise<string> => {
    await eventually('one of them is answered', () => Promise.resolve(answered(bodies).length > 0));
    const refused = bodies.filter(({ answer }) => answer() !== '');
    await Promise.all(refused.map(({ ended }) => ended));
    expect(answered(bodies)).toHaveLength(1);
    return answered(bodies)[0] ?? '';
  };

  it('a ninth unfinished body of one address is refused with 429, and another address is not affected', async () => {
    const bodies = Array.from({ length: 9 }, () => send());
    const answer = await onlyAnswer(bodies);
    expect(answer).toMatch(/^HTTP\/1\.1 429 /);
    expect(answer).toMatch(/retry-after: 2\r\n/i);
    expect(answer).toMatch(/connection: close\r\n/i);
    const headers = { 'x-forwarded-for': '192.0.2.1', connection: 'close' };
    expect(await send({ headers, length: 1 }).ended).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('the limit holds for bodies of the API and of outbound messages too', async () => {
    const headers = { authorization: `Bearer ${keys.write}`, 'content-type': 'application/json' };
    const bodies = Array.from({ length: 9 }, () => send({ path: '/v1/resyncs', headers, length: 1_000 }));
    expect(await onlyAnswer(bodies)).toMatch(/^HTTP\/1\.1 429 /);
  });

  it('16 MiB of one address and 32 MiB of all are kept at most, and the rest is not read', async () => {
    const of = (address: string, count: number) =>
      Array.from({ length: count }, () =>
        send({ headers: { 'x-forwarded-for': address }, bytes: 5_000_000 }),
      );
    const first = of('192.0.2.1', 4);
    expect(await onlyAnswer(first)).toMatch(/^HTTP\/1\.1 429 /);
    const answer = await onlyAnswer([...of('192.0.2.2', 3), ...of('192.0.2.3', 1)]);
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toMatch(/retry-after: 2\r\n/i);
    expect(answer).toMatch(/connection: close\r\n/i);
    for (const body of first) body.close();
    await Promise.all(first.map(({ ended }) => ended));
    const small = send({ headers: { 'x-forwarded-for': '192.0.2.3', connection: 'close' }, length: 1 });
    expect(await small.ended).toMatch(/^HTTP\/1\.1 401 /);
  });

  it('a body that is refused before it has arrived can go on arriving without harm', async () => {
    const bodies = Array.from({ length: 4 }, () => send({ length: 6 * megabyte, bytes: 6 * megabyte }));
    for (const answer of await Promise.all(bodies.map(({ ended }) => ended))) {
      // Where the connection ends while the client still sends, the answer may be lost.
      if (answer !== '') expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    }
    const small = send({ headers: { connection: 'close' }, length: 1 });
    expect(await small.ended).toMatch(/^HTTP\/1\.1 401 /);
  });
});

/** Well-formed, so that the body has to be read before the signature can be refused. */
function wronglySigned(): Record<string, string> {
  return {
    'content-type': 'application/json',
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(Math.floor(Date.now() / 1_000)),
    'webhook-signature': `v1,${Buffer.alloc(32).toString('base64')}`,
  };
}
