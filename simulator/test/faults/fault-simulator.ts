import { afterEach } from 'vitest';
import type { FetchRequest } from '../../src/pubsub/wire.ts';
import type { SimulatorOptions } from '../../src/simulator-options.ts';
import { type SimulatorHandle, textAt, useSimulator } from '../http/open-simulator.ts';
import { connectPubSub } from '../pubsub/pubsub-client.ts';

/** One simulator for a test file, with clients for both its sides; every fault is off again after each test. */
export const useFaultSimulator = (options: SimulatorOptions = {}): FaultSimulator => {
  const handle = useSimulator(options);
  const clients: { close(): void }[] = [];
  afterEach(() => {
    handle.simulator.faults.clearAll();
    for (const client of clients.splice(0)) client.close();
  });
  const connect = () => {
    const { certificate, instanceUrl, organizationId, pubsubEndpoint, sessions } = handle.simulator;
    const [host = '', port] = pubsubEndpoint.split(':');
    const headers = { accesstoken: sessions.issue(), instanceurl: instanceUrl, tenantid: organizationId };
    const trust = certificate === undefined ? {} : { trust: certificate };
    const client = connectPubSub({ host, port: Number(port), headers, ...trust });
    clients.push(client);
    return client;
  };
  return {
    get simulator() {
      return handle.simulator;
    },
    send: handle.send,
    rest: handle.rest,
    connect,
    subscribe: (request) => connect().subscribe(request),
    create: async (values = {}) =>
      textAt(await handle.rest('POST', '/sobjects/Account', { Name: 'Made for a fault', ...values }), 'id'),
  };
};

export type FaultSimulator = Pick<SimulatorHandle, 'simulator' | 'send' | 'rest'> & {
  connect(): PubSubClient;
  /** On a connection of its own. */
  subscribe(request: Partial<FetchRequest>): ReturnType<PubSubClient['subscribe']>;
  /** Creates an account over REST and returns its id. */
  create(values?: Record<string, unknown>): Promise<string>;
};

type PubSubClient = ReturnType<typeof connectPubSub>;
