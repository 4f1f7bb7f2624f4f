import { request } from 'node:http';
import { describe, expect, it } from 'vitest';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { textAt, useSimulator } from './open-simulator.ts';

const simulator = useSimulator({ accounts: 3 });
const { rest, send } = simulator;

describe('the control API', () => {
  it('the control API describes the simulator with requests that work unchanged', async () => {
    const { credentials, instanceUrl, pubsubEndpoint } = simulator.simulator;
    const { body } = await send('GET', '/simulator');
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

  it('the control API moves the org to another instance, which sign-ins name from then on', async () => {
    const { credentials, instanceUrl } = simulator.simulator;
    const instanceNamed = async (): Promise<unknown> => {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: credentials.clientId,
        client_secret: credentials.clientSecret,
      });
      const answer = await fetch(`${instanceUrl}/services/oauth2/token`, { method: 'POST', body });
      return Object(await answer.json()).instance_url;
    };
    const elsewhere = 'http://127.0.0.1:9';
    expect((await send('POST', '/simulator/instance', { instanceUrl: elsewhere })).status).toBe(200);
    expect(await instanceNamed()).toBe(elsewhere);
    expect((await send('POST', '/simulator/instance', { instanceUrl: 'elsewhere' })).status).toBe(400);
    await send('POST', '/simulator/instance', { instanceUrl });
    expect(await instanceNamed()).toBe(instanceUrl);
  });

  it('the control API adds accounts without events', async () => {
    const before = simulator.simulator.bus.retained().length;
    const { body, status } = await send('POST', '/simulator/accounts', { count: 5, seed: 7 });
    expect([status, body]).toEqual([200, { accounts: 8 }]);
    expect(simulator.simulator.bus.retained()).toHaveLength(before);
  });

  it('the control API creates, changes and deletes an account with an event each, and reports why it cannot', async () => {
    const before = simulator.simulator.bus.retained().length;
    const created = await send('POST', '/simulator/records', { Name: 'By hand' });
    expect(created.status).toBe(201);
    const path = `/simulator/records/${textAt(created, 'id')}`;
    expect((await send('PATCH', path, { Phone: '1' })).status).toBe(200);
    expect((await send('DELETE', path)).status).toBe(200);
    expect(simulator.simulator.bus.retained()).toHaveLength(before + 3);
    const refused = await send('POST', '/simulator/records', { Phone: '1' });
    expect([refused.status, refused.body]).toEqual([400, { error: expect.stringContaining('Name') }]);
  });

  it('the control API adds a field that REST then accepts', async () => {
    const field = { name: 'Level__c', type: 'double', label: 'Level' };
    expect((await send('POST', '/simulator/fields', field)).body).toMatchObject({ ...field, custom: true });
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Levelled', level__c: 2 }), 'id');
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).toMatchObject({ Level__c: 2 });
  });

  it('the control API changes the type of a field and removes it', async () => {
    await send('POST', '/simulator/fields', { name: 'Fleeting__c', type: 'string' });
    const { body } = await send('PATCH', '/simulator/fields/Fleeting__c', { type: 'double' });
    expect(body).toMatchObject({ name: 'Fleeting__c', type: 'double' });
    expect((await rest('POST', '/sobjects/Account', { Name: 'Typed', Fleeting__c: 'x' })).status).toBe(400);
    expect((await send('DELETE', '/simulator/fields/Fleeting__c')).body).toEqual({ removed: 'Fleeting__c' });
    const { body: described } = await rest('GET', '/sobjects/Account/describe');
    expect(JSON.stringify(described)).not.toContain('Fleeting__c');
  });

  it('the control API changes defaults and results of formulas, and describe shows both', async () => {
    await send('POST', '/simulator/fields', { name: 'Vip__c', type: 'boolean', defaultValue: true });
    await send('POST', '/simulator/fields', { name: 'Score__c', type: 'double', calculated: true });
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Scored' }), 'id');
    expect((await send('POST', '/simulator/fields/Score__c/recalculate', { value: 7 })).status).toBe(200);
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).toMatchObject({ Vip__c: true, Score__c: 7 });
    await send('PATCH', '/simulator/fields/Vip__c', { type: 'boolean', defaultValue: false });
    const { fields } = Object((await rest('GET', '/sobjects/Account/describe')).body);
    expect(fields).toContainEqual(expect.objectContaining({ name: 'Vip__c', defaultValue: false }));
    expect(fields).toContainEqual(expect.objectContaining({ name: 'Score__c', calculated: true }));
  });

  it('the control API adds times, locations and encrypted texts, which REST and events have in their own form', async () => {
    const { bus } = simulator.simulator;
    const added = {
      Opens__c: 'time',
      Site__c: 'location',
      Home__c: 'location',
      Secret__c: 'encryptedstring',
    };
    for (const [name, type] of Object.entries(added)) await send('POST', '/simulator/fields', { name, type });
    const values = { Opens__c: '08:30:00.000Z', Site__Latitude__s: 59.9, Site__Longitude__s: 10.7 };
    const created = await rest('POST', '/sobjects/Account', { Name: 'Open', Secret__c: 'secret', ...values });
    const id = textAt(created, 'id');
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).toMatchObject({
      ...values,
      Site__c: { latitude: 59.9, longitude: 10.7 },
      Home__c: null,
      Secret__c: '******',
    });
    expect(decodeEvents(bus).at(-1)?.fields).toMatchObject({
      Opens__c: 30_600_000n,
      Site__c: { Latitude: 59.9, Longitude: 10.7 },
      Secret__c: '******',
    });
    await rest('PATCH', `/sobjects/Account/${id}`, { Site__Latitude__s: 60, Opens__c: null });
    const { fields, header } = decodeEvents(bus).at(-1) ?? {};
    expect(fields?.['Site__c']).toEqual({ Latitude: 60, Longitude: null });
    expect(header?.changedFields).toContainEqual(expect.stringMatching(/^\d+-0x01$/));
    const refused = await rest('PATCH', `/sobjects/Account/${id}`, { Site__c: { latitude: 1 } });
    expect(refused.body).toMatchObject([{ errorCode: 'INVALID_FIELD_FOR_INSERT_UPDATE' }]);
    const find = (condition: string) =>
      rest('GET', `/query?q=${encodeURIComponent(`SELECT Id FROM Account WHERE ${condition}`)}`);
    await rest('PATCH', `/sobjects/Account/${id}`, { Opens__c: '09:00' });
    expect((await find('Opens__c > 08:59:59.000Z')).body).toMatchObject({ totalSize: 1 });
    expect((await find("Secret__c = 'secret'")).body).toMatchObject([{ errorCode: 'INVALID_FIELD' }]);
    const described = Object((await rest('GET', '/sobjects/Account/describe')).body).fields;
    expect(described).toContainEqual(expect.objectContaining({ name: 'Secret__c', encrypted: true }));
    expect(described).toContainEqual(
      expect.objectContaining({ name: 'Site__Longitude__s', compoundFieldName: 'Site__c', type: 'double' }),
    );
    await send('DELETE', '/simulator/fields/Site__c');
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).not.toHaveProperty('Site__Latitude__s');
  });

  it('the control API adds standard fields of record types and currencies, which move the later fields in events', async () => {
    const { bus, org } = simulator.simulator;
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Before' }), 'id');
    const schemaBefore = bus.topic('/data/AccountChangeEvent')?.schemaId();
    for (const name of ['RecordTypeId', 'CurrencyIsoCode']) await send('POST', '/simulator/fields', { name });
    const schemaId = bus.topic('/data/AccountChangeEvent')?.schemaId() ?? '';
    expect(schemaId).not.toBe(schemaBefore);
    const names = JSON.parse(bus.schema(schemaId) ?? '').fields.map(({ name }: { name: string }) => name);
    expect(names.slice(1, 5)).toEqual(['Name', 'Type', 'RecordTypeId', 'ParentId']);
    expect(names.indexOf('CurrencyIsoCode')).toBe(names.indexOf('OwnerId') - 1);
    expect(org.record(id)?.values['CurrencyIsoCode']).toBe('USD');
    await rest('PATCH', `/sobjects/Account/${id}`, { CurrencyIsoCode: 'EUR' });
    expect(decodeEvents(bus).at(-1)?.fields).toMatchObject({ CurrencyIsoCode: 'EUR' });
    expect((await send('POST', '/simulator/fields', { name: 'RecordTypeId' })).status).toBe(400);
  });

  it('the control API merges accounts and converts leads', async () => {
    const winner = textAt(await rest('POST', '/sobjects/Account', { Name: 'Winner' }), 'id');
    const loser = textAt(await rest('POST', '/sobjects/Account', { Name: 'Loser' }), 'id');
    expect((await send('POST', '/simulator/merge', { winner, losers: [loser] })).status).toBe(200);
    const soql = `SELECT Id, MasterRecordId FROM Account WHERE Id = '${loser}'`;
    const { body } = await rest('GET', `/queryAll?q=${encodeURIComponent(soql)}`);
    expect(body).toMatchObject({ records: [{ Id: loser, MasterRecordId: winner }] });
    const lead = await send('POST', '/simulator/leads/convert', { company: 'Lead Ltd', lastName: 'Hopper' });
    expect((await rest('GET', `/sobjects/Account/${textAt(lead, 'accountId')}`)).status).toBe(200);
  });

  it('the control API lists who wrote what', async () => {
    const headers = { 'sforce-call-options': 'client=Auditor' };
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Audited' }, headers), 'id');
    const { body } = await send('GET', '/simulator/audit?client=Auditor');
    expect(body).toMatchObject({ entries: [{ recordId: id, operation: 'create', code: null }] });
    expect((await send('DELETE', '/simulator/audit')).body).toEqual({ entries: 0 });
    expect((await send('GET', `/simulator/audit?recordId=${id}`)).body).toEqual({ entries: [] });
  });

  it('the control API publishes captured events and shows them', async () => {
    const schema = { schemaId: 'captured', schemaJson: '{"type":"string"}' };
    expect((await send('POST', '/simulator/schemas', schema)).status).toBe(200);
    expect(simulator.simulator.bus.schema('captured')).toBe(schema.schemaJson);
    const event = {
      topic: '/data/AccountChangeEvent',
      id: 'event-1',
      schemaId: 'captured',
      payload: Buffer.from([2, 97]).toString('base64'),
    };
    const published = await send('POST', '/simulator/events', event);
    const replayId = textAt(published, 'replayId');
    const shared = await send('POST', '/simulator/events', { ...event, id: 'event-2', replayId });
    expect(shared.body).toEqual({ replayId });
    const { body } = await send('GET', '/simulator/events');
    const newest = Object(body).events.slice(0, 2);
    expect(newest).toMatchObject([
      { ...event, id: 'event-2', replayId },
      { ...event, replayId },
    ]);
  });

  it('the control API undeletes records', async () => {
    const id = textAt(await rest('POST', '/sobjects/Account', { Name: 'Back' }), 'id');
    await rest('DELETE', `/sobjects/Account/${id}`);
    expect(await send('POST', '/simulator/undelete', { id })).toMatchObject({
      status: 200,
      body: { success: true },
    });
    expect(await send('POST', '/simulator/undelete', { id })).toMatchObject({
      status: 400,
      body: { success: false },
    });
    expect((await rest('GET', `/sobjects/Account/${id}`)).status).toBe(200);
  });

  it('the control API revokes every session', async () => {
    expect(Object((await send('POST', '/simulator/sessions/revoke')).body).revoked).toBeGreaterThan(0);
    expect((await rest('GET', '/limits')).status).toBe(401);
    const example = String(Object((await send('GET', '/')).body).try.query);
    const [, authorization = ''] = /-H 'Authorization: ([^']+)'/.exec(example) ?? [];
    expect((await rest('GET', '/limits', undefined, { authorization })).status).toBe(200);
    simulator.renewToken();
    expect((await rest('GET', '/limits')).status).toBe(200);
  });

  it('the control API exhausts and refills the request limit', async () => {
    const { allowance } = simulator.simulator;
    const info = async () => (await rest('GET', '/limits')).headers.get('sforce-limit-info');
    const set = await send('PATCH', '/simulator/allowance', { max: 20, used: 17 });
    expect(set.body).toEqual({ max: 20, used: 17, remaining: 3 });
    expect(await info()).toBe('api-usage=18/20');
    const { body } = await rest('GET', '/limits');
    expect(body).toMatchObject({ DailyApiRequests: { Max: 20, Remaining: 1 } });
    allowance.set({ max: 5 });
    const refused = await rest('GET', '/limits');
    expect(refused).toMatchObject({ status: 403, body: [{ errorCode: 'REQUEST_LIMIT_EXCEEDED' }] });
    expect(refused.headers.get('sforce-limit-info')).toBe('api-usage=19/5');
    expect((await send('POST', '/simulator/allowance/refill')).body).toMatchObject({ used: 0 });
    expect(await info()).toBe('api-usage=1/5');
    allowance.set({ max: 100_000 });
    expect((await send('GET', '/simulator/allowance')).body).toMatchObject({ max: 100_000, used: 1 });
  });

  it('the control API disconnects streams cleanly or with an error code', async () => {
    for (const body of [undefined, {}, { errorCode: 'service.unavailable' }]) {
      expect((await send('POST', '/simulator/streams/disconnect', body)).status).toBe(200);
    }
  });

  it.each([
    ['/simulator/accounts', { count: 0 }],
    ['/simulator/accounts', {}],
    ['/simulator/fields', { name: 'NoSuffix', type: 'string' }],
    ['/simulator/fields', { name: 'X__c', type: 'address' }],
    ['/simulator/events', { topic: '/data/Nope', id: 'x', schemaId: 'y', payload: '' }],
    ['/simulator/undelete', { id: 5 }],
    ['/simulator/merge', { winner: '001000000000000AAA', losers: [] }],
    ['/simulator/leads/convert', { company: 'No name' }],
    ['/simulator/undelete', { id: '001000000000000AAA', more: 1 }],
  ])('the control API refuses %s %j', async (path, body) => {
    const answer = await send('POST', path, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error: expect.any(String) });
  });

  it.each([
    ['points its own name here', { host: 'attacker.example' }],
    ['posts here from elsewhere', { origin: 'https://attacker.example' }],
  ])('the control API refuses a web page that %s', async (_case, headers) => {
    const { hostname, port } = new URL(simulator.simulator.instanceUrl);
    const path = '/simulator/sessions/revoke';
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
