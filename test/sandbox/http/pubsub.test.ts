import { afterEach, describe, expect, it } from 'vitest';
import type { Sandbox } from '../../../src/sandbox/sandbox.ts';
import { connectPubSub } from '../pubsub-client.ts';
import { textAt, useSandbox } from './open-sandbox.ts';

const handle = useSandbox({ channels: ['/data/Tidemark__chn'] });
const { rest, send } = handle;

const clients: { close(): void }[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const connect = ({ instanceUrl, organizationId, pubsubEndpoint, sessions }: Sandbox) => {
  const [host = '', port] = pubsubEndpoint.split(':');
  const headers = { accesstoken: sessions.issue(), instanceurl: instanceUrl, tenantid: organizationId };
  const client = connectPubSub({ host, port: Number(port), headers });
  clients.push(client);
  return client;
};

describe('the Pub/Sub API next to REST', () => {
  it.each(['/data/AccountChangeEvent', '/data/Tidemark__chn'])(
    'the topic %s receives what REST writes',
    async (topicName) => {
      const stream = connect(handle.sandbox).subscribe({ topicName, replayPreset: 'EARLIEST' });
      const before = handle.sandbox.bus.retained().length;
      const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Heard' }), 'id');
      const events = await stream.received(before + 1);
      expect(Buffer.from(events.at(-1)?.event.payload ?? []).toString('latin1')).toContain(id);
    },
  );

  it('a token is accepted until it is revoked', async () => {
    const client = connect(handle.sandbox);
    const { schemaId } = await client.getTopic('/data/AccountChangeEvent');
    expect((await client.getSchema(schemaId)).schemaJson).toContain('SignUpCode__c');
    await send('POST', '/sandbox/sessions/revoke');
    handle.renewToken();
    await expect(client.getTopic('/data/AccountChangeEvent')).rejects.toMatchObject({ code: 16 });
  });

  it('streams end when the control API says so', async () => {
    const clean = connect(handle.sandbox).subscribe({ replayPreset: 'EARLIEST' });
    await clean.received(1);
    await send('POST', '/sandbox/streams/disconnect');
    await clean.cleanEnd();
    const failing = connect(handle.sandbox).subscribe({ replayPreset: 'EARLIEST' });
    await failing.received(1);
    await send('POST', '/sandbox/streams/disconnect', { errorCode: 'service.unavailable' });
    const { metadata } = await failing.failure();
    expect(metadata.get('error-code')).toEqual(['sfdc.platform.eventbus.grpc.service.unavailable']);
  });
});
