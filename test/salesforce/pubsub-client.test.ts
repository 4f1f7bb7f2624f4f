import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createPubSubClient,
  type PubSubClient,
  type PubSubOptions,
} from '../../src/salesforce/pubsub-client.ts';
import { maxCredit, openPullStream } from '../../src/salesforce/pubsub-stream.ts';
import { accountTopic, currentSchema } from '../helpers/simulator-org.ts';

describe('the Pub/Sub client', () => {
  let simulator: Simulator;
  const open: PubSubClient[] = [];
  beforeAll(async () => {
    simulator = await startSimulator({ tls: 'pubsub', keepaliveIntervalMs: 20 });
  });
  afterAll(async () => {
    for (const client of open) client.close();
    await simulator.close();
  });

  const client = (given: Partial<PubSubOptions> = {}): PubSubClient => {
    const made = createPubSubClient({
      endpoint: simulator.pubsubEndpoint,
      tls: true,
      certificateAuthority: simulator.certificate ?? '',
      identity: () => ({
        accessToken: simulator.sessions.issue(),
        instanceUrl: simulator.instanceUrl,
        organizationId: simulator.organizationId,
      }),
      ...given,
    });
    open.push(made);
    return made;
  };

  it('a given certificate authority is trusted for calls and for streams', async () => {
    const { id, ...schema } = currentSchema(simulator);
    const pubsub = client();
    expect(await pubsub.getTopic(accountTopic)).toMatchObject({ schemaId: id, canSubscribe: true });
    expect(JSON.parse(await pubsub.getSchema(id)).fields).toHaveLength(schema.entityFields.length);
    const stream = openPullStream(pubsub, accountTopic, { preset: 'LATEST' });
    stream.grant(maxCredit);
    expect(await stream.next(10_000)).toMatchObject({ events: [] });
    stream.close();
  });

  it('an unknown certificate is not trusted', async () => {
    const made = createPubSubClient({
      endpoint: simulator.pubsubEndpoint,
      tls: true,
      identity: () => ({ accessToken: 'a', instanceUrl: 'b', organizationId: 'c' }),
    });
    open.push(made);
    await expect(made.getTopic(accountTopic)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      // A person has to look: the certificate does not become trusted by waiting.
      failure: 'config',
    });
  });

  it('the identity is requested at every call so that a new token is used', async () => {
    let accessToken = 'expired';
    const { instanceUrl, organizationId } = simulator;
    const pubsub = client({ identity: () => ({ accessToken, instanceUrl, organizationId }) });
    await expect(pubsub.getTopic(accountTopic)).rejects.toMatchObject({
      code: 'service.auth.error',
      failure: 'auth',
    });
    accessToken = simulator.sessions.issue();
    await expect(pubsub.getTopic(accountTopic)).resolves.toBeDefined();
  });

  it.each([
    [
      'a topic that is not there',
      (pubsub: PubSubClient) => pubsub.getTopic('/data/Nothing__chn'),
      'topic.not.found',
      'config',
    ],
    [
      'a topic without name',
      (pubsub: PubSubClient) => pubsub.getTopic(''),
      'topic.validation.empty',
      'config',
    ],
    [
      'a schema that is not there',
      (pubsub: PubSubClient) => pubsub.getSchema('nothing'),
      'schema.validation.failed',
      'bug',
    ],
    ['a blank schema', (pubsub: PubSubClient) => pubsub.getSchema(''), 'schema.validation.failed', 'bug'],
  ])('the error describes %s', async (_, ask, code, failure) => {
    await expect(ask(client())).rejects.toMatchObject({ name: 'SalesforceError', code, failure });
  });

  it('the schema of a channel of several objects is undefined', async () => {
    expect((await client().getTopic('/data/ChangeEvents')).schemaId).toBe('');
  });

  it('an unreachable server is reported', async () => {
    await expect(
      client({ endpoint: '127.0.0.1:1', tls: false }).getTopic(accountTopic),
    ).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      failure: 'transient',
    });
  });
});
