import { afterEach } from 'vitest';
import type { FetchRequest } from '../../../src/sandbox/pubsub-wire.ts';
import type { SandboxOptions } from '../../../src/sandbox/sandbox-options.ts';
import { type SandboxHandle, textAt, useSandbox } from '../http/open-sandbox.ts';
import { connectPubSub } from '../pubsub-client.ts';

/** One sandbox for a test file, with clients for both its sides; every fault is off again after each test. */
export const useFaultSandbox = (options: SandboxOptions = {}): FaultSandbox => {
  const handle = useSandbox(options);
  const clients: { close(): void }[] = [];
  afterEach(() => {
    handle.sandbox.faults.clearAll();
    for (const client of clients.splice(0)) client.close();
  });
  const connect = () => {
    const { certificate, instanceUrl, organizationId, pubsubEndpoint, sessions } = handle.sandbox;
    const [host = '', port] = pubsubEndpoint.split(':');
    const headers = { accesstoken: sessions.issue(), instanceurl: instanceUrl, tenantid: organizationId };
    const trust = certificate === undefined ? {} : { trust: certificate };
    const client = connectPubSub({ host, port: Number(port), headers, ...trust });
    clients.push(client);
    return client;
  };
  return {
    get sandbox() {
      return handle.sandbox;
    },
    send: handle.send,
    rest: handle.rest,
    connect,
    subscribe: (request) => connect().subscribe(request),
    create: async (values = {}) =>
      textAt(await handle.rest('POST', '/sobjects/Account', { Name: 'Made for a fault', ...values }), 'id'),
  };
};

export type FaultSandbox = Pick<SandboxHandle, 'sandbox' | 'send' | 'rest'> & {
  connect(): PubSubClient;
  /** On a connection of its own. */
  subscribe(request: Partial<FetchRequest>): ReturnType<PubSubClient['subscribe']>;
  /** Creates an account over REST and answers its id. */
  create(values?: Record<string, unknown>): Promise<string>;
};

type PubSubClient = ReturnType<typeof connectPubSub>;
