import { once } from 'node:events';
import { connect } from 'node:net';
import { fastify } from 'fastify';
import { expect, it } from 'vitest';
import { registerUnusedConnectionCleanup } from '../../src/http/plugins/close-connections.ts';

it('a connection that never brought a request does not keep a closing server open', async () => {
  const app = fastify({ keepAliveTimeout: 72_000 });
  registerUnusedConnectionCleanup(app);
  const { promise: working, resolve: finish } = Promise.withResolvers<void>();
  app.get('/', async () => {
    await working;
    return 'done';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const address = app.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const silent = connect(port, '127.0.0.1');
  await once(silent, 'connect');
  const begun = once(app.server, 'request');
  const answer = fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  await begun;
  const gone = once(silent, 'close');
  const closed = app.close();
  await gone;
  // The request under way is answered all the same.
  finish();
  expect(await (await answer).text()).toBe('done');
  await closed;
});
