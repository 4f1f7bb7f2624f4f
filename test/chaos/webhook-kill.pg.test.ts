import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { storedSchemas } from '../../src/ingest/stored-schemas.ts';
import { accountId, testSchemaJson } from '../helpers/change-events.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';
import { type ServiceProcess, startService } from '../helpers/service-process.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { pathSecret, signed, webhookSecret } from '../helpers/webhooks.ts';

const organizationId = '00Dal00000AbCdEEAV';

describe('a process killed after a webhook is stored and before it is answered', () => {
  const database = useDatabase();
  let simulator: Simulator;
  let proxy: FaultProxy;
  let service: ServiceProcess;
  let port = 0;

  const start = async (): Promise<void> => {
    const { clientId, clientSecret } = simulator.credentials;
    service = startService({
      DATABASE_URL: database.url,
      SALESFORCE_LOGIN_URL: simulator.instanceUrl,
      SALESFORCE_CLIENT_ID: clientId,
      SALESFORCE_CLIENT_SECRET: clientSecret,
      PUBSUB_ENDPOINT: simulator.pubsubEndpoint,
      PUBSUB_TLS: 'false',
      API_KEYS: 'test:read:a-key-that-is-long-enough-0123456789',
      WEBHOOK_SECRETS: webhookSecret,
      OUTBOUND_MESSAGE_ORG_IDS: organizationId,
      OUTBOUND_MESSAGE_PATH_SECRET: pathSecret,
      PORT: '0',
      // It only stores: nothing is applied by this process.
      ROLES: 'api',
    });
    port = await eventually(
      'it listens',
      () => {
        const [, found] = /listening at http:\/\/127\.0\.0\.1:(\d+)/.exec(service.output()) ?? [];
        return found === undefined ? undefined : Number(found);
      },
      60_000,
    );
  };

  beforeAll(async () => {
    simulator = await startSimulator({ organizationId });
    await storedSchemas(database).save('schema-1', testSchemaJson);
    await start();
    proxy = await startFaultProxy(() => ({ host: '127.0.0.1', port }));
  });
  afterAll(async () => {
    service?.child.kill('SIGKILL');
    await service?.ended();
    await proxy?.close();
    await simulator?.close();
  });

  const send = (at: number, path: string, headers: Record<string, string>, body: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${at}${path}`, { method: 'POST', headers, body });
  /** The answer never arrives, although there is one. */
  const sendUnheard = async (path: string, headers: Record<string, string>, body: string): Promise<void> => {
    const answered = proxy.dropAnswerTo(Buffer.from('kill-me-now'));
    const unheard = expect(send(proxy.port, path, headers, body)).rejects.toThrow('fetch failed');
    await answered;
    await unheard;
  };

  it('the webhook is stored once and its repetition is answered as if it were new', async () => {
    const ChangeEventHeader = {
      entityName: 'Account',
      recordIds: [accountId],
      changeType: 'DELETE',
      transactionKey: 'kill-me-now',
      sequenceNumber: 1,
      commitTimestamp: Date.now(),
      commitNumber: 1,
    };
    const body = JSON.stringify([{ ChangeEventHeader }]);
    const message = `<s:Envelope xmlns:s="a" xmlns:xsi="b"><s:Body><notifications><OrganizationId>${organizationId}</OrganizationId><ActionId>04kal0000000001</ActionId><Notification><Id>04lal0000000001</Id><sObject xsi:type="sf:Account"><sf:Id>${accountId}</sf:Id><sf:Name>kill-me-now</sf:Name></sObject></Notification></notifications></s:Body></s:Envelope>`;
    const path = `/webhooks/outbound-messages/${pathSecret}`;
    await sendUnheard('/webhooks/change-events', signed(body, { id: 'msg_killed' }), body);
    await sendUnheard(path, { 'content-type': 'text/xml' }, message);
    service.child.kill('SIGKILL');
    expect(await service.ended()).toBe('SIGKILL');
    expect(service.output()).not.toContain(pathSecret);
    await start();

    const again = await send(port, '/webhooks/change-events', signed(body, { id: 'msg_killed' }), body);
    expect([again.status, await again.json()]).toEqual([202, { received: 1, stored: 0 }]);
    const acknowledged = await send(port, path, { 'content-type': 'text/xml' }, message);
    expect(await acknowledged.text()).toContain('<Ack>true</Ack>');
    expect(await database.rows('select topic, state from event_log order by id')).toEqual([
      { topic: '/webhooks/change-events', state: 'stored' },
      { topic: '/webhooks/outbound-messages', state: 'stored' },
    ]);
  });
});
