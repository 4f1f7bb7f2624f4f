import { createHmac } from 'node:crypto';
import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readNewestSchemaId, storedSchemas } from '../../src/ingest/stored-schemas.ts';
import { accountId, testSchema, testSchemaJson } from '../helpers/change-events.ts';
import { useDatabase } from '../helpers/use-database.ts';
import {
  newerPathSecret,
  newerSecret,
  outboundPath,
  pathSecret,
  type Signing,
  sendersFor,
  signed,
  webhookSecret,
} from '../helpers/webhooks.ts';
import { startServer, type TestServer } from './start-server.ts';

const organizationId = '00Dal00000AbCdEEAV';
const database = useDatabase();
let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    databaseUrl: database.url,
    overrides: {
      webhooks: sendersFor(organizationId),
      newestSchemaId: () => readNewestSchemaId(database.pool),
      schemaFields: async () => testSchema.entityFields,
    },
  });
  await storedSchemas(database).save('schema-1', testSchemaJson);
});
afterAll(() => server.close());

let made = 0;
/** A different change each time by default. */
function event(header: object = {}, fields: object = { Industry: 'Energy' }) {
  made++;
  const ChangeEventHeader = {
    entityName: 'Account',
    recordIds: [accountId],
    changeType: 'UPDATE',
    transactionKey: `transaction-${made}`,
    sequenceNumber: 1,
    commitTimestamp: 1_790_000_000_000,
    commitNumber: made,
    changedFields: ['Industry'],
    ...header,
  };
  return { ChangeEventHeader, ...fields };
}

const post = (body: string, headers: Record<string, string>) =>
  server.send('post', '/webhooks/change-events', { key: '', headers, body });
const send = (value: unknown, signing: Signing = {}) => {
  const body = typeof value === 'string' ? value : JSON.stringify(value);
  return post(body, signed(body, signing));
};
const logged = async (): Promise<number> => {
  const [row] = await database.rows<{ n: number }>('select count(*)::int as n from events');
  return row?.n ?? -1;
};
/** Nothing of it is in the log. */
async function refused(sending: () => Promise<request.Response>, status: number): Promise<request.Response> {
  const before = await logged();
  const answer = await sending();
  expect(answer.status, JSON.stringify(answer.body)).toBe(status);
  expect(await logged()).toBe(before);
  return answer;
}

describe('signatures of change events', () => {
  const body = JSON.stringify(event());

  it('a signature with any of the secrets is accepted, also among several signatures', async () => {
    for (const secret of [webhookSecret, newerSecret])
      expect((await send(event(), { secret })).status).toBe(202);
    const text = JSON.stringify(event());
    const headers = signed(text, { secret: newerSecret });
    const rotating = `v1,AAAA v1a,xyz v2,abc ${headers['webhook-signature']}`;
    expect((await post(text, { ...headers, 'webhook-signature': rotating })).status).toBe(202);
  });

  const minutes = (n: number): Date => new Date(Date.now() + n * 60_000);
  const unknown = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
  it.each([
    ['of another secret', () => signed(body, { secret: unknown })],
    ['of another body', () => signed(`${body} `)],
    ['of another id', () => ({ ...signed(body), 'webhook-id': 'msg_other' })],
    ['that is old', () => signed(body, { at: minutes(-6) })],
    ['from the future', () => signed(body, { at: minutes(6) })],
    [
      'whose time was changed',
      () => ({
        ...signed(body, { at: minutes(-6) }),
        'webhook-timestamp': String(Math.floor(Date.now() / 1000)),
      }),
    ],
    ['whose time is no number', () => ({ ...signed(body), 'webhook-timestamp': '12e8' })],
    ['without a version', () => ({ ...signed(body), 'webhook-signature': 'abc' })],
    ['that is empty', () => ({ ...signed(body), 'webhook-signature': 'v1,' })],
    [
      'that is cut off',
      () => ({ ...signed(body), 'webhook-signature': signed(body)['webhook-signature']?.slice(0, 20) ?? '' }),
    ],
  ])('a signature %s is refused without detail', async (_name, headers) => {
    const answer = await refused(() => post(body, headers()), 401);
    expect(answer.body).toMatchObject({
      type: '/docs/problems#untrusted-sender',
      detail: 'The signature is missing, expired or invalid.',
    });
  });

  it.each(['webhook-id', 'webhook-timestamp', 'webhook-signature'])(
    'a request is refused without %s',
    async (name) => {
      const { [name]: _left, ...headers } = signed(body);
      await refused(() => post(body, headers), 401);
    },
  );

  it('the signature is required and an API key does not replace it', async () => {
    await refused(
      () => server.send('post', '/webhooks/change-events', { key: 'test-only-admin-key', body: event() }),
      401,
    );
  });
});

describe('change events over webhooks', () => {
  it('change events of every shape are stored before they are acknowledged', async () => {
    const before = await logged();
    const bare = event();
    const cometd = { schema: 'x', payload: event(), event: { replayId: 1, EventUuid: 'uuid-of-cometd' } };
    const bridge = { version: '0', id: 'id-of-bridge', detail: { payload: event() } };
    expect((await send(bare, { id: 'msg_bare' })).body).toEqual({ received: 1, stored: 1 });
    const answer = await send([
      cometd,
      bridge,
      event({ entityName: 'Contact', recordIds: ['003000000000001AAA'] }),
    ]);
    expect([answer.status, answer.body]).toEqual([202, { received: 3, stored: 3 }]);
    expect(await logged()).toBe(before + 4);
    const rows = await database.rows<{
      event_id: string;
      topic: string;
      schema_id: string;
      entity_name: string;
      state: string;
    }>(
      `select event_id, topic, schema_id, state,
              convert_from(payload, 'UTF8')::json -> 'ChangeEventHeader' ->> 'entityName' as entity_name
         from event_log order by id desc limit 4`,
    );
    expect(rows.map(({ event_id, entity_name }) => [event_id, entity_name])).toEqual([
      [expect.stringMatching(/^msg_.*#2$/), 'Contact'],
      ['id-of-bridge', 'Account'],
      ['uuid-of-cometd', 'Account'],
      ['msg_bare#0', 'Account'],
    ]);
    expect(rows[0]).toMatchObject({
      topic: '/webhooks/change-events',
      schema_id: 'json:schema-1',
      state: 'stored',
    });
  });

  it('commit numbers keep their digits beyond 2^53', async () => {
    const text = JSON.stringify(event()).replace(/"commitNumber":\d+/, '"commitNumber":1790000000123456789');
    expect((await send(text)).status).toBe(202);
    const [row] = await database.rows<{ payload: Buffer }>(
      'select payload from events order by id desc limit 1',
    );
    expect(row?.payload.toString()).toContain('"commitNumber":1790000000123456789,');
  });

  it('repeated change events are recognized by the id of the request, of the event and by their content', async () => {
    const one = { schema: 'x', payload: event(), event: { EventUuid: 'uuid-again' } };
    expect((await send(one, { id: 'msg_again' })).body).toEqual({ received: 1, stored: 1 });
    const before = await logged();
    for (const again of [
      await send(one, { id: 'msg_again' }),
      await send(one),
      await send(one.payload),
      await send([{ detail: { payload: one.payload }, id: 'bridge-2' }]),
      await send(JSON.stringify(Object.fromEntries(Object.entries(one.payload).reverse()), null, 2)),
    ]) {
      expect([again.status, again.body]).toEqual([202, { received: 1, stored: 0 }]);
    }
    const both = await Promise.all([send(event(), { id: 'msg_twice' }), send('[]', { id: 'msg_twice' })]);
    expect(both.map(({ status }) => status)).toEqual([202, 400]);
    expect(await logged()).toBe(before + 1);
  });

  it('simultaneous change events are stored once', async () => {
    const before = await logged();
    const [one, two] = [event(), event()];
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => send([one, two], { id: `msg_race_${n % 3}` })),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 202));
    expect(answers.reduce((sum, { body }) => sum + body.stored, 0)).toBe(2);
    expect(await logged()).toBe(before + 2);
  });

  it('an id that another request had is refused so that no change is lost', async () => {
    await send(event(), { id: 'msg_reused' });
    const answer = await refused(() => send(event(), { id: 'msg_reused' }), 422);
    expect(answer.body.type).toBe('/docs/problems#key-reused');
  });

  it('up to 500 change events are accepted at once and none of 501', async () => {
    const many = (n: number) => Array.from({ length: n }, () => event());
    expect((await send(many(500))).body).toEqual({ received: 500, stored: 500 });
    const answer = await refused(() => send(many(501)), 400);
    expect(answer.body.errors).toEqual([{ field: 'body', message: 'must not have more than 500 entries' }]);
  });

  it('a change event from the future is refused with its whole request', async () => {
    const late = event({ commitTimestamp: Date.now() + 6 * 60_000 });
    const answer = await refused(() => send([event(), late]), 422);
    expect(answer.body.errors).toEqual([
      {
        field: '[1].ChangeEventHeader.commitTimestamp',
        message: 'is more than five minutes in the future',
      },
    ]);
    expect((await send(event({ commitTimestamp: Date.now() + 60_000 }))).status).toBe(202);
  });

  it.each([
    ['no JSON', '{"a": 1,\n nope}', 'The body is not valid JSON: a name is expected at line 2, column 2.'],
    ['an empty list', '[]', 'body must not be empty.'],
    ['a text', '"x"', 'body must be an object.'],
    ['no header', '{"payload": {}}', 'payload holds no ChangeEventHeader.'],
    ['prototype poisoning', '{"__proto__": {"x": 1}}', /"__proto__" is not allowed at line 1, column 2/],
    ['deep nesting', '['.repeat(1_000_000), /nested more than 32 levels deep at line 1, column 34/],
  ])('change events with %s are refused and the response names the place', async (_name, body, detail) => {
    const answer = await refused(() => send(body), 400);
    expect(answer.body.detail).toMatch(detail);
  });

  it('invalid UTF-8 is refused from its first wrong byte', async () => {
    const body = Buffer.concat([Buffer.from('{"a": "é'), Buffer.from([0xff]), Buffer.from('"}')]);
    const at = new Date();
    const signature = createHmac('sha256', Buffer.alloc(32, 7))
      .update(`msg_bytes.${Math.floor(at.getTime() / 1_000)}.`)
      .update(body)
      .digest('base64');
    const headers = { ...signed('', { id: 'msg_bytes', at }), 'webhook-signature': `v1,${signature}` };
    const answer = await fetch(`${server.url}/webhooks/change-events`, { method: 'POST', headers, body });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain('The body is not valid UTF-8 at byte 9.');
  });

  it('change events beyond 5 MiB, in another media type or compressed are refused', async () => {
    const large = JSON.stringify(event({}, { Industry: 'x'.repeat(5 * 1024 ** 2) }));
    await refused(() => post(large, signed(large)), 413);
    await refused(() => post('x', { ...signed('x'), 'content-type': 'text/xml' }), 415);
    await refused(() => post('x', { ...signed('x'), 'content-encoding': 'gzip' }), 415);
    const fits = JSON.stringify(
      Array.from({ length: 32 }, () =>
        event({ changedFields: ['Description'] }, { Description: 'x'.repeat(128 * 1024) }),
      ),
    );
    expect((await post(fits, signed(fits))).status).toBe(202);
  });
});

describe('outbound messages', () => {
  const path = outboundPath;
  const bare = '/webhooks/outbound-messages';
  let sent = 0;
  const notification = (
    record = '001al00000K3N1w',
    id = `04lal00${String(++sent).padStart(8, '0')}`,
  ): string =>
    `<Notification><Id>${id}</Id><sObject xsi:type="sf:Account" xmlns:sf="x"><sf:Id>${record}</sf:Id></sObject></Notification>`;
  const message = (notifications: string, organization = organizationId): string =>
    `<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="i"><s:Body><notifications><OrganizationId>${organization}</OrganizationId><ActionId>04kal0000000001AAA</ActionId>${notifications}</notifications></s:Body></s:Envelope>`;
  const sendTo = (url: string, body: string, headers: Record<string, string> = {}, to = path) =>
    request(url)
      .post(to)
      .set({ 'content-type': 'text/xml; charset=UTF-8', ...headers })
      .send(body);

  it('an outbound message is acknowledged when all of it is stored, once', async () => {
    const before = await logged();
    const text = message(notification() + notification('001al00000K3N1x'));
    for (let times = 0; times < 2; times++) {
      const answer = await sendTo(server.url, text);
      expect([answer.status, answer.type]).toEqual([200, 'text/xml']);
      expect(answer.text).toContain('<Ack>true</Ack>');
    }
    // Another message with one that is known and one that is new.
    const known = /<Notification>.*?<\/Notification>/.exec(text)?.[0] ?? '';
    expect((await sendTo(server.url, message(known + notification()))).text).toContain('<Ack>true</Ack>');
    expect(await logged()).toBe(before + 3);
  });

  it('the short id of the org is accepted and other orgs are refused', async () => {
    expect((await sendTo(server.url, message(notification(), organizationId.slice(0, 15)))).status).toBe(200);
    const answer = await refused(
      () => sendTo(server.url, message(notification(), '00Dal00000AbCdF')).then((r) => r),
      401,
    );
    expect(answer.text).toContain('<faultstring>The sender is unknown.</faultstring>');
    expect(answer.text).not.toContain('Ack');
  });

  it.each([
    ['broken XML', message(notification()).slice(0, -5), 400, /cannot be parsed: it is not XML/],
    ['a document type', '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400, /not allowed at line 1, column \d+/],
    [
      '101 notifications',
      message(Array.from({ length: 101 }, () => notification()).join('')),
      400,
      /more than 100/,
    ],
    [
      'one bad notification among good ones',
      message(notification() + notification('nobody')),
      400,
      /not an id/,
    ],
    ['nothing', '', 400, /empty/],
    ['too much', `<a>${'x'.repeat(5 * 1024 ** 2)}</a>`, 413, /5 MiB/],
  ])(
    'outbound messages with %s are answered with a fault that names the place, and nothing is stored',
    async (_name, body, status, reason) => {
      const answer = await refused(() => sendTo(server.url, body).then((r) => r), status);
      expect(answer.type).toBe('text/xml');
      expect(answer.text).toMatch(/<soapenv:Fault><faultcode>soapenv:Client<\/faultcode>/);
      expect(answer.text).toMatch(reason);
    },
  );

  it('another media type is refused, with a problem for clients that accept JSON', async () => {
    const answer = await refused(
      () => sendTo(server.url, '{}', { 'content-type': 'application/json' }).then((r) => r),
      415,
    );
    expect(answer.body.detail).toBe('Send the message as text/xml.');
    const headers = { accept: 'application/problem+json' };
    const problem = await server.send('post', path, {
      key: '',
      headers: { ...headers, 'content-type': 'text/xml' },
      body: '<a>',
    });
    expect([problem.status, problem.type]).toEqual([400, 'application/problem+json']);
  });

  it('outbound messages need the secret of the path and the client certificate if they are configured', async () => {
    const senders = sendersFor(organizationId).outboundMessages;
    if (senders === undefined) throw new Error('no senders');
    const fingerprint = 'ab'.repeat(32);
    let trusted = true;
    const clientCertificate = {
      header: 'x-client-cert-sha256',
      fingerprints: new Set([fingerprint]),
      isProxy: () => trusted,
    };
    const strict = await startServer({
      databaseUrl: database.url,
      overrides: {
        webhooks: { signingKeys: [], outboundMessages: { ...senders, clientCertificate } },
      },
    });
    const certificate = { 'x-client-cert-sha256': fingerprint.toUpperCase().replace(/..(?=.)/g, '$&:') };
    const to = (headers: Record<string, string>, at: string) =>
      sendTo(strict.url, message(notification()), headers, at).then((r) => r.status);
    try {
      expect(await to(certificate, path)).toBe(200);
      expect(await to(certificate, bare)).toBe(401);
      expect(await to(certificate, `${bare}/${pathSecret}x`)).toBe(401);
      expect(await to({}, path)).toBe(401);
      expect(await to({ 'x-client-cert-sha256': 'cd'.repeat(32) }, path)).toBe(401);
      trusted = false;
      expect(await to(certificate, path)).toBe(401);
      expect((await request(strict.url).post('/webhooks/change-events').send({})).status).toBe(404);
    } finally {
      await strict.close();
    }
    const accepted = await Promise.all(
      [bare, `${bare}/anything`, path, `${bare}/${newerPathSecret}`].map((at) =>
        sendTo(server.url, message(notification()), {}, at).then((r) => r.status),
      ),
    );
    expect(accepted).toEqual([401, 401, 200, 200]);
  });
});

describe('a server without webhook settings', () => {
  it('webhooks are not found without their settings', async () => {
    const plain = await startServer();
    try {
      const body = JSON.stringify(event());
      const answer = await plain.send('post', '/webhooks/change-events', {
        key: '',
        headers: signed(body),
        body,
      });
      expect([answer.status, answer.body.detail]).toEqual([
        404,
        'WEBHOOK_SECRETS is not set: change events are not accepted.',
      ]);
      const message = await request(plain.url)
        .post('/webhooks/outbound-messages')
        .type('text/xml')
        .send('<a/>');
      expect(message.status).toBe(404);
    } finally {
      await plain.close();
    }
  });
});
