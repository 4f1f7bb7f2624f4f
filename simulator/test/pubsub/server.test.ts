import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createOrg, type OrgOptions } from '../../src/org/org.ts';
import { toReplayId } from '../../src/pubsub/bus-events.ts';
import { mintSelfSignedCertificate } from '../../src/pubsub/self-signed-certificate.ts';
import { type PubSubServerOptions, startPubSubServer } from '../../src/pubsub/server.ts';
import { eventually } from '../eventually.ts';
import { admin } from '../org/callers.ts';
import { connectPubSub, VALID_TOKEN } from './pubsub-client.ts';
import { realEvents } from './real-events.ts';

const TOPIC = '/data/AccountChangeEvent';
const PREFIX = 'sfdc.platform.eventbus.grpc.';
const closing: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(options: Partial<PubSubServerOptions> = {}, orgOptions: OrgOptions = {}) {
  const org = createOrg(orgOptions);
  const server = await startPubSubServer({
    bus: org.bus,
    organizationId: org.organizationId,
    authenticate: (token) => (token === VALID_TOKEN ? { userId: admin.userId } : undefined),
    ...options,
  });
  closing.push(() => server.close());
  const connect = (rest: Partial<Parameters<typeof connectPubSub>[0]> = {}) => {
    const client = connectPubSub({ port: server.port, ...rest });
    closing.push(client.close);
    return client;
  };
  const insert = (count: number) =>
    org.transaction(admin, (tx) => {
      for (let index = 0; index < count; index += 1) tx.insert({ Name: `Account ${index}` });
    });
  return { org, server, connect, client: connect(), insert };
}

describe('GetTopic and GetSchema', () => {
  it('GetTopic names the schema of the entity topic and GetSchema gives it', async () => {
    const { client, org } = await start();
    const topic = await client.getTopic(TOPIC);
    expect(topic).toMatchObject({ topicName: TOPIC, canSubscribe: true, canPublish: false });
    expect(topic.schemaId).toMatch(/^[A-Za-z0-9_-]{22}$/);
    const schema = await client.getSchema(topic.schemaId);
    expect(schema).toMatchObject({ schemaId: topic.schemaId, schemaJson: org.bus.schema(topic.schemaId) });
    expect(JSON.parse(schema.schemaJson)).toMatchObject({ name: 'AccountChangeEvent' });
  });

  it('GetTopic leaves the schema of channels blank', async () => {
    const { client } = await start({}, { channels: ['/data/Example__chn'] });
    expect(await client.getTopic('/data/ChangeEvents')).toMatchObject({ schemaId: '' });
    expect(await client.getTopic('/data/Example__chn')).toMatchObject({ schemaId: '' });
  });

  it('unknown topics and schemas are refused', async () => {
    const { client } = await start();
    await expect(client.getTopic('/data/accountchangeevent')).rejects.toMatchObject({
      code: status.NOT_FOUND,
    });
    for (const schemaId of ['', 'i8wgJwwM-AVcDbFkbRl5Nw']) {
      const refusal = await client.getSchema(schemaId).catch((error) => error);
      expect(refusal).toMatchObject({ code: status.INVALID_ARGUMENT });
      expect(refusal.metadata.get('error-code')).toEqual([`${PREFIX}schema.validation.failed`]);
    }
    await expect(client.publish(TOPIC)).rejects.toMatchObject({ code: status.UNIMPLEMENTED });
  });
});

describe('the headers of a call', () => {
  it.each([
    [{ accesstoken: '' }, status.INVALID_ARGUMENT, 'service.auth.headers.invalid'],
    [{ instanceurl: '' }, status.INVALID_ARGUMENT, 'service.auth.headers.invalid'],
    [{ tenantid: '' }, status.INVALID_ARGUMENT, 'service.auth.headers.invalid'],
    [{ accesstoken: 'another' }, status.UNAUTHENTICATED, 'service.auth.error'],
    [{ tenantid: '00DTM00000000022AA' }, status.UNAUTHENTICATED, 'service.auth.error'],
  ])('a call with the headers %j is refused', async (headers, code, errorCode) => {
    const { connect } = await start();
    const failure = await connect({ headers }).subscribe({}).failure();
    expect(failure.code).toBe(code);
    expect(failure.metadata.get('error-code')).toEqual([PREFIX + errorCode]);
    await expect(connect({ headers }).getTopic(TOPIC)).rejects.toMatchObject({ code });
  });

  it('the tenant id may have 15 characters', async () => {
    const { connect } = await start();
    const topic = await connect({ headers: { tenantid: '00DTM0000000001' } }).getTopic(TOPIC);
    expect(topic.topicName).toBe(TOPIC);
  });
});

describe('Subscribe', () => {
  it('LATEST delivers what happens after the subscription', async () => {
    const { client, insert, server } = await start();
    insert(2);
    const subscription = client.subscribe({ replayPreset: 'LATEST' });
    await eventually('the call arrives', () => server.sessions === 1);
    insert(1);
    const [event, ...others] = await subscription.received(1);
    expect(others).toEqual([]);
    expect(event?.replayId).toHaveLength(10);
    expect(event?.event.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(subscription.responses[0]).toMatchObject({
      latestReplayId: event?.replayId,
      pendingNumRequested: 99,
    });
  });

  it('EARLIEST delivers everything retained and CUSTOM the rest after a replay id', async () => {
    const { client, insert } = await start();
    insert(5);
    const all = await client.subscribe({ replayPreset: 'EARLIEST' }).received(5);
    const replayId = all[2]?.replayId ?? Buffer.alloc(0);
    const rest = await client.subscribe({ replayPreset: 'CUSTOM', replayId }).received(2);
    expect(rest).toEqual(all.slice(3));
  });

  it('a stream sends no more than was requested and adds up requests', async () => {
    const { client, insert } = await start();
    insert(10);
    const subscription = client.subscribe({ replayPreset: 'EARLIEST', numRequested: 3 });
    await subscription.received(3);
    subscription.request({ numRequested: 2 });
    subscription.request({ numRequested: 1, topicName: TOPIC });
    expect(await subscription.received(6)).toHaveLength(6);
    expect(subscription.responses.at(-1)?.pendingNumRequested).toBe(0);
    expect(subscription.responses.map((response) => response.pendingNumRequested)).not.toContain(-1);
  });

  it('a request counts as at most 100 events', async () => {
    const { client, insert } = await start();
    insert(150);
    const subscription = client.subscribe({ replayPreset: 'EARLIEST', numRequested: 1000 });
    expect(await subscription.received(100)).toHaveLength(100);
    expect(subscription.responses.at(-1)?.pendingNumRequested).toBe(0);
  });

  it('the latest replay id is never beyond events that are still to come', async () => {
    const { client, insert } = await start();
    insert(5);
    const subscription = client.subscribe({ replayPreset: 'EARLIEST', numRequested: 2 });
    const events = await subscription.received(2);
    expect(subscription.responses.at(-1)?.latestReplayId).toEqual(events[1]?.replayId);
  });

  it('a response is smaller than three megabytes', async () => {
    const { client, org } = await start();
    for (let index = 0; index < 5; index += 1) {
      org.bus.publishRaw(TOPIC, {
        id: String(index),
        schemaId: 's',
        payload: Buffer.alloc(1_000_000, index),
      });
    }
    const subscription = client.subscribe({ replayPreset: 'EARLIEST' });
    const events = await subscription.received(5);
    expect(events.map(({ event }) => event.id)).toEqual(['0', '1', '2', '3', '4']);
    expect(subscription.responses.length).toBeGreaterThan(1);
    for (const response of subscription.responses) expect(response.events.length).toBeLessThan(3);
  });

  it('a backlog of thousands of events is drained over one stream in order', async () => {
    const { client, insert, org } = await start();
    insert(3_000);
    const subscription = client.subscribe({ replayPreset: 'EARLIEST' });
    for (let count = 100; count < 3_000; count += 100) {
      await subscription.received(count);
      subscription.request({ numRequested: 100 });
    }
    const ids = (await subscription.received(3_000)).map(({ event }) => event.id);
    const expected = org.bus.read(TOPIC, org.bus.earliest(), { events: 5_000, bytes: 1e9 }).events;
    expect(ids).toEqual(expected.map((event) => event.id));
  });

  it('empty responses show that the stream is alive', async () => {
    const { client, org } = await start({ keepaliveIntervalMs: 20 });
    const subscription = client.subscribe({ numRequested: 7 });
    await eventually('two keepalives', () => subscription.responses.length >= 2);
    org.bus.advance();
    await eventually('a later replay id', () =>
      org.bus.latestReplayId().equals(subscription.responses.at(-1)?.latestReplayId ?? Buffer.alloc(0)),
    );
    expect(subscription.responses.at(-1)).toMatchObject({ events: [], pendingNumRequested: 7 });
  });

  it('the server closes a stream that has had no credit for too long', async () => {
    const { client, insert, server } = await start({ zeroCreditTimeoutMs: 30 });
    insert(1);
    const subscription = client.subscribe({ replayPreset: 'EARLIEST', numRequested: 1 });
    await subscription.received(1);
    await subscription.cleanEnd();
    expect(server.sessions).toBe(0);
  });

  it.each([
    [{ topicName: '/data/Nope' }, status.NOT_FOUND, 'topic.not.found'],
    [{ topicName: '' }, status.INVALID_ARGUMENT, 'topic.validation.empty'],
    [{ numRequested: 0 }, status.INVALID_ARGUMENT, 'subscription.fetch.requested.events.invalid'],
    [{ numRequested: -1 }, status.INVALID_ARGUMENT, 'subscription.fetch.requested.events.invalid'],
    [
      { replayPreset: 'CUSTOM' as const },
      status.INVALID_ARGUMENT,
      'subscription.fetch.replayid.validation.failed',
    ],
    [
      { replayPreset: 'CUSTOM' as const, replayId: toReplayId(99_999_999n) },
      status.INVALID_ARGUMENT,
      'subscription.fetch.replayid.corrupted',
    ],
  ])('Subscribe refuses %j', async (request, code, errorCode) => {
    const { client, server } = await start();
    const failure = await client.subscribe(request).failure();
    expect(failure.code).toBe(code);
    expect(failure.metadata.get('error-code')).toEqual([PREFIX + errorCode]);
    const [rpcId] = failure.metadata.get('rpc-id');
    expect(failure.details.endsWith(`rpcId: ${rpcId}`)).toBe(true);
    await eventually('the call is forgotten', () => server.sessions === 0);
  });

  it('Subscribe refuses a replay id that expired', async () => {
    let time = Date.UTC(2026, 10, 23);
    const { client, insert } = await start({}, { now: () => time });
    insert(1);
    const [event] = await client.subscribe({ replayPreset: 'EARLIEST' }).received(1);
    time += 73 * 60 * 60 * 1000;
    const replayId = event?.replayId ?? Buffer.alloc(0);
    const failure = await client.subscribe({ replayPreset: 'CUSTOM', replayId }).failure();
    expect(failure.metadata.get('error-code')).toEqual([`${PREFIX}subscription.fetch.replayid.corrupted`]);
  });

  it('Subscribe refuses another topic or no credit in a later request', async () => {
    const { client } = await start();
    const mismatch = client.subscribe({});
    mismatch.request({ topicName: '/data/ChangeEvents', numRequested: 1 });
    expect((await mismatch.failure()).metadata.get('error-code')).toEqual([
      `${PREFIX}subscription.fetch.topic.mismatch`,
    ]);
    const nothing = client.subscribe({});
    nothing.request({ numRequested: 0 });
    expect((await nothing.failure()).code).toBe(status.INVALID_ARGUMENT);
  });

  it('the server releases a client that disconnects', async () => {
    const { client, server } = await start();
    const subscription = client.subscribe({});
    await eventually('the call arrives', () => server.sessions === 1);
    subscription.cancel();
    await eventually('the call is forgotten', () => server.sessions === 0);
  });
});

describe('streams ended on demand', () => {
  it('streams are ended cleanly, with an error code or with a given status', async () => {
    const { client, server } = await start();
    const open = async () => {
      const subscription = client.subscribe({});
      await eventually('the call arrives', () => server.sessions === 1);
      return subscription;
    };
    const clean = await open();
    server.disconnect();
    await clean.cleanEnd();
    const failed = await open();
    server.disconnect('service.unavailable');
    expect((await failed.failure()).code).toBe(status.INTERNAL);
    const chosen = await open();
    server.disconnect({ status: status.UNAVAILABLE, errorCode: 'service.unavailable', message: 'Gone.' });
    expect((await chosen.failure()).details).toMatch(/^Gone\. rpcId: /);
  });
});

describe('faults on request', () => {
  it('the server refuses calls, sends responses twice and hangs on demand', async () => {
    let refuse = true;
    let stalled = false;
    let askedWhileStalled = 0;
    const { client, insert } = await start({
      keepaliveIntervalMs: 20,
      faults: {
        refuse: () =>
          refuse
            ? { status: status.UNAVAILABLE, errorCode: 'service.unavailable', message: 'No.' }
            : undefined,
        alter: (response) => [response, response],
        isStalled: () => {
          if (stalled) askedWhileStalled += 1;
          return stalled;
        },
      },
    });
    expect((await client.subscribe({}).failure()).code).toBe(status.UNAVAILABLE);
    refuse = false;
    insert(1);
    const subscription = client.subscribe({ replayPreset: 'EARLIEST' });
    const [first, second] = await subscription.received(2);
    expect(second).toEqual(first);
    stalled = true;
    insert(1);
    await eventually('the server holds back several times', () => askedWhileStalled > 3);
    expect(subscription.events()).toHaveLength(2);
    stalled = false;
    expect(await subscription.received(4)).toHaveLength(4);
  });
});

describe('listening', () => {
  it('the server speaks TLS with the given certificate', async () => {
    const identity = mintSelfSignedCertificate(['localhost', '127.0.0.1']);
    const { connect, insert } = await start({ identity });
    insert(1);
    const secure = connect({ trust: identity.cert, host: 'localhost' });
    expect(await secure.subscribe({ replayPreset: 'EARLIEST' }).received(1)).toHaveLength(1);
    const failure = await connect().subscribe({}).failure();
    expect(failure.code).toBe(status.UNAVAILABLE);
  });

  it('the server reports that its port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    closing.push(() => holder.close());
    await eventually('the holder listens', () => holder.listening);
    const address = holder.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

describe('captured events', () => {
  it.skipIf(!realEvents.arePresent)(
    `captured events are sent byte for byte under their own replay ids${realEvents.whySkipped}`,
    async () => {
      const { client, org } = await start();
      const schemaId = 'i8wgJwwM-AVcDbFkbRl5Nw';
      const schemaJson = await readFile(realEvents.file(`AccountChangeEvent.${schemaId}.avsc`), 'utf8');
      org.bus.registerSchema(schemaId, schemaJson);
      const captured = (await Promise.all(['custom-field-update', 'address-update'].map(readCapture))).flat();
      for (const { event, replayId } of captured) org.bus.publishRaw(TOPIC, { ...event, replayId });

      const received = await client.subscribe({ replayPreset: 'EARLIEST' }).received(3);
      expect(
        received.map(({ event, replayId }) => ({ event: { ...event, headers: undefined }, replayId })),
      ).toEqual(
        captured.map(({ event, replayId }) => ({ event: { ...event, headers: undefined }, replayId })),
      );
      expect(await client.getSchema(schemaId)).toMatchObject({ schemaJson });
    },
  );
});

async function readCapture(name: string) {
  const response: {
    events: { event: { id: string; schemaId: string; payload: string }; replayId: string }[];
  } = JSON.parse(await readFile(realEvents.file(`fetch-response.${name}.json`), 'utf8'));
  return response.events.map(({ event, replayId }) => ({
    event: { ...event, payload: Buffer.from(event.payload, 'base64') },
    replayId: Buffer.from(replayId, 'base64'),
  }));
}
