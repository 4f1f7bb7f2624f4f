import { afterEach, describe, expect, it } from 'vitest';
import type { Simulator } from '../../src/simulator.ts';
import { connectPubSub } from '../pubsub/pubsub-client.ts';
import { textAt, useSimulator } from './open-simulator.ts';

const handle = useSimulator({ channels: ['/data/Example__chn'] });
const { rest, send } = handle;

const clients: { close(): void }[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const connect = ({ instanceUrl, organizationId, pubsubEndpoint, sessions }: Simulator) => {
  const [host = '', port] = pubsubEndpoint.split(':');
  const headers = { accesstoken: sessions.issue(), instanceurl: instanceUrl, tenantid: organizationId };
  const client = connectPubSub({ host, port: Number(port), headers });
  clients.push(client);
  return client;
};

describe('the Pub/Sub API next to REST', () => {
  it.each(['/data/AccountChangeEvent', '/data/Example__chn'])(
    'the topic %s receives what REST writes',
    async (topicName) => {
      const stream = connect(handle.simulator).subscribe({ topicName, replayPreset: 'EARLIEST' });
      const before = handle.simulator.bus.retained().length;
      const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Heard' }), 'id');
      const events = await stream.received(before + 1);
      expect(Buffer.from(events.at(-1)?.event.payload ?? []).toString('latin1')).toContain(id);
    },
  );

  it('a token is accepted until it is revoked', async () => {
    const client = connect(handle.simulator);
    const { schemaId } = await client.getTopic('/data/AccountChangeEvent');
    expect((await client.getSchema(schemaId)).schemaJson).toContain('SignUpCode__c');
    await send('POST', '/simulator/sessions/revoke');
    handle.renewToken();
    await expect(client.getTopic('/data/AccountChangeEvent')).rejects.toMatchObject({ code: 16 });
  });

  it('streams end when the control API says so', async () => {
    const clean = connect(handle.simulator).subscribe({ replayPreset: 'EARLIEST' });
    await clean.received(1);
    await send('POST', '/simulator/streams/disconnect');
    await clean.cleanEnd();
    const failing = connect(handle.simulator).subscribe({ replayPreset: 'EARLIEST' });
    await failing.received(1);
    await send('POST', '/simulator/streams/disconnect', { errorCode: 'service.unavailable' });
    const { metadata } = await failing.failure();
    expect(metadata.get('error-code')).toEqual(['sfdc.platform.eventbus.grpc.service.unavailable']);
  });
});
