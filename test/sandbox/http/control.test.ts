import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { textAt, useSandbox } from './open-sandbox.ts';

const sandbox = useSandbox({ accounts: 3 });
const { rest, send } = sandbox;

describe('the control API', () => {
  it('says what the sandbox is, with requests that work as they stand', async () => {
    const { credentials, instanceUrl, pubsubEndpoint } = sandbox.sandbox;
    const { body } = await send('GET', '/sandbox');
    expect(body).toMatchObject({ instanceUrl, pubsubEndpoint, credentials, counts: { accounts: 3 } });
    expect(JSON.stringify(body)).not.toContain('publicKey');
    const front = await send('GET', '/');
    const line = String(Object(front.body).try.query);
    const [, url = ''] = /'(http[^']+)'/.exec(line) ?? [];
    const [, authorization = ''] = /-H 'Authorization: ([^']+)'/.exec(line) ?? [];
    const answer = await fetch(url, { headers: { authorization } });
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ totalSize: 3 });
  });

  it('adds accounts without events', async () => {
    const before = sandbox.sandbox.bus.retained().length;
    const { body, status } = await send('POST', '/sandbox/accounts', { count: 5, seed: 7 });
    expect([status, body]).toEqual([200, { accounts: 8 }]);
    expect(sandbox.sandbox.bus.retained()).toHaveLength(before);
  });

  it('adds a field that REST then takes', async () => {
    const field = { name: 'Level__c', type: 'double', label: 'Level' };
    expect((await send('POST', '/sandbox/fields', field)).body).toMatchObject({ ...field, custom: true });
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Levelled', level__c: 2 }), 'id');
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).toMatchObject({ Level__c: 2 });
  });

  it('puts captured events on the bus and shows them', async () => {
    const schema = { schemaId: 'captured', schemaJson: '{"type":"string"}' };
    expect((await send('POST', '/sandbox/schemas', schema)).status).toBe(200);
    expect(sandbox.sandbox.bus.schema('captured')).toBe(schema.schemaJson);
    const event = {
      topic: '/data/AccountChangeEvent',
      id: 'event-1',
      schemaId: 'captured',
      payload: Buffer.from([2, 97]).toString('base64'),
    };
    const published = await send('POST', '/sandbox/events', event);
    const replayId = textAt(published, 'replayId');
    const shared = await send('POST', '/sandbox/events', { ...event, id: 'event-2', replayId });
    expect(shared.body).toEqual({ replayId });
    const { body } = await send('GET', '/sandbox/events');
    const newest = Object(body).events.slice(0, 2);
    expect(newest).toMatchObject([
      { ...event, id: 'event-2', replayId },
      { ...event, replayId },
    ]);
  });

  it('undeletes', async () => {
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Back' }), 'id');
    await rest('DELETE', `/sobjects/Account/${id}`);
    expect(await send('POST', '/sandbox/undelete', { id })).toMatchObject({
      status: 200,
      body: { success: true },
    });
    expect(await send('POST', '/sandbox/undelete', { id })).toMatchObject({
      status: 400,
      body: { success: false },
    });
    expect((await rest('GET', `/sobjects/Account/${id}`)).status).toBe(200);
  });

  it('revokes every session', async () => {
    expect(Object((await send('POST', '/sandbox/sessions/revoke')).body).revoked).toBeGreaterThan(0);
    expect((await rest('GET', '/limits')).status).toBe(401);
    const example = String(Object((await send('GET', '/')).body).try.query);
    const [, authorization = ''] = /-H 'Authorization: ([^']+)'/.exec(example) ?? [];
    expect((await rest('GET', '/limits', undefined, { authorization })).status).toBe(200);
    sandbox.renewToken();
    expect((await rest('GET', '/limits')).status).toBe(200);
  });

  it('disconnects streams, cleanly or with an error code', async () => {
    for (const body of [undefined, {}, { errorCode: 'service.unavailable' }]) {
      expect((await send('POST', '/sandbox/streams/disconnect', body)).status).toBe(200);
    }
  });

  it.each([
    ['/sandbox/accounts', { count: 0 }],
    ['/sandbox/accounts', {}],
    ['/sandbox/fields', { name: 'NoSuffix', type: 'string' }],
    ['/sandbox/fields', { name: 'X__c', type: 'address' }],
    ['/sandbox/events', { topic: '/data/Nope', id: 'x', schemaId: 'y', payload: '' }],
    ['/sandbox/undelete', { id: 5 }],
    ['/sandbox/undelete', { id: '001000000000000AAA', more: 1 }],
  ])('refuses %s %j', async (path, body) => {
    const answer = await send('POST', path, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: expect.any(String) });
  });

  it.each([
    ['points its own name here', { host: 'attacker.example' }],
    ['posts here from elsewhere', { origin: 'https://attacker.example' }],
  ])('refuses a web page that %s', async (_case, headers) => {
    const { hostname, port } = new URL(sandbox.sandbox.instanceUrl);
    const path = '/sandbox/sessions/revoke';
    const status = await new Promise((resolve, reject) => {
      const sent = request({ method: 'POST', hostname, port, path, headers }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on('error', reject).end();
    });
    expect(status).toBe(403);
    expect((await rest('GET', '/limits')).status).toBe(200);
  });
});
