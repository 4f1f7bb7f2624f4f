import { describe, expect, it } from 'vitest';
import { eventually } from '../eventually.ts';
import { textAt } from '../http/open-simulator.ts';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { useFaultSimulator } from './fault-simulator.ts';

const handle = useFaultSimulator({ accounts: 450 });
const { create, rest, send } = handle;
const faults = () => handle.simulator.faults;
const limits = () => rest('GET', '/limits');
const QUERY = `/query?q=${encodeURIComponent('SELECT Id FROM Account')}`;

const signIn = () => {
  const { clientId, clientSecret } = handle.simulator.credentials;
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
  });
  return send('POST', '/services/oauth2/token', form.toString(), {
    'content-type': 'application/x-www-form-urlencoded',
  });
};

describe('faults of REST requests', () => {
  it.each([
    ['session-expired', 401, [{ errorCode: 'INVALID_SESSION_ID' }]],
    ['request-limit', 403, [{ errorCode: 'REQUEST_LIMIT_EXCEEDED' }]],
    ['not-enabled', 403, [{ errorCode: 'FEATURENOTENABLED' }]],
    ['not-found', 404, [{ errorCode: 'NOT_FOUND' }]],
    ['server-error', 500, [{ errorCode: 'UNKNOWN_EXCEPTION' }]],
    ['unavailable', 503, [{ errorCode: 'SERVER_UNAVAILABLE' }]],
  ] as const)('a request fails a given number of times as %s', async (how, status, body) => {
    faults().rest.fail.on({ how, times: 2 });
    for (let count = 0; count < 2; count += 1) expect(await limits()).toMatchObject({ status, body });
    expect((await limits()).status).toBe(200);
  });

  it('a gateway answers a request in HTML', async () => {
    faults().rest.fail.on({ how: 'bad-gateway' });
    const answer = await limits();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([502, 'text/html']);
    expect(answer.body).toContain('<html>');
    faults().rest.fail.off();
    expect((await limits()).status).toBe(200);
  });

  it('a refusal says when to retry', async () => {
    faults().rest.fail.on({ how: 'unavailable', retryAfterSeconds: 7, times: 1 });
    expect((await limits()).headers.get('retry-after')).toBe('7');
  });

  it('requests fail by their method and path only', async () => {
    faults().rest.fail.on({ how: 'server-error', method: 'PATCH', path: '/sobjects/Account' });
    faults().rest.fail.on({ how: 'session-expired', path: 'FROM Account' });
    const id = await create();
    expect((await rest('PATCH', `/sobjects/Account/${id}`, { Phone: '1' })).status).toBe(500);
    expect((await rest('GET', QUERY)).status).toBe(401);
    expect((await limits()).status).toBe(200);
  });

  it('requests fail at random, the same way for the same seed', async () => {
    const run = async () => {
      const { off } = faults().rest.fail.on({ how: 'server-error', probability: 0.4, seed: 3 });
      const statuses: number[] = [];
      for (let count = 0; count < 15; count += 1) statuses.push((await limits()).status);
      off();
      return statuses;
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set([200, 500]));
    expect(await run()).toEqual(first);
  });

  it('a request is never answered', async () => {
    faults().rest.fail.on({ how: 'no-answer', times: 1 });
    const url = `${handle.simulator.instanceUrl}/services/data/v66.0/limits`;
    await expect(fetch(url, { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
    expect((await limits()).status).toBe(200);
  });

  it('a request is cut off before anything is done', async () => {
    const { size } = handle.simulator.org;
    faults().rest.fail.on({ how: 'cut-before', times: 1 });
    await expect(create()).rejects.toThrow('fetch failed');
    expect(handle.simulator.org.size).toBe(size);
  });

  it('a request is cut off after everything is done', async () => {
    const { size } = handle.simulator.org;
    faults().rest.fail.on({ how: 'cut-after', times: 1 });
    await expect(create()).rejects.toThrow('fetch failed');
    expect(handle.simulator.org.size).toBe(size + 1);
  });

  it('a request is answered with half of the JSON', async () => {
    faults().rest.fail.on({ how: 'truncated', times: 1 });
    const { body, status } = await limits();
    expect(status).toBe(200);
    expect(body).toMatch(/^\{"DailyApiRequests".*[^}]$/);
    expect((await limits()).body).toBeTypeOf('object');
  });

  it('a request is answered after a delay', async () => {
    faults().rest.slow.on({ delayMs: 400, path: '/sobjects', times: 1 });
    const order: string[] = [];
    const slow = rest('GET', '/sobjects').then(() => order.push('slow'));
    await limits().then(() => order.push('quick'));
    await slow;
    expect(order).toEqual(['quick', 'slow']);
  });
});

describe('faults of query pages', () => {
  it('query pages are smaller than requested', async () => {
    faults().rest.smallPages.on({ records: 100 });
    const first = await rest('GET', QUERY);
    expect(Object(first.body).records).toHaveLength(100);
    faults().rest.smallPages.off();
    expect(Object((await rest('GET', QUERY)).body)).toMatchObject({ done: true });
  });

  it('paging ends in the middle when the locator expires', async () => {
    const { body } = await rest('GET', QUERY, undefined, { 'sforce-query-options': 'batchSize=200' });
    const next = () => rest('GET', String(Object(body).nextRecordsUrl).replace('/services/data/v66.0', ''));
    faults().rest.expiredLocators.on({ times: 1 });
    expect(await next()).toMatchObject({ status: 400, body: [{ errorCode: 'INVALID_QUERY_LOCATOR' }] });
    expect((await next()).status).toBe(200);
  });
});

describe('fields hidden from the integration user', () => {
  it('describe omits a hidden field, queries refuse it, and other reads do not return it', async () => {
    const id = await create();
    const names = async (): Promise<string[]> =>
      Object((await rest('GET', '/sobjects/Account/describe')).body).fields.map(
        ({ name }: { name: string }) => name,
      );
    const soql = `/query?q=${encodeURIComponent('SELECT Id, Phone FROM Account')}`;
    faults().rest.hiddenFields.on({ fields: ['Phone'] });
    expect(await names()).not.toContain('Phone');
    expect(await rest('GET', soql)).toMatchObject({ status: 400, body: [{ errorCode: 'INVALID_FIELD' }] });
    expect((await rest('GET', `/sobjects/Account/${id}`)).body).not.toHaveProperty('Phone');
    const refused = await rest('PATCH', `/sobjects/Account/${id}`, { Phone: '2' });
    expect(refused).toMatchObject({ status: 400, body: [{ errorCode: 'INVALID_FIELD' }] });
    faults().rest.hiddenFields.off();
    expect(await names()).toContain('Phone');
    expect((await rest('GET', soql)).status).toBe(200);
  });
});

describe('events of hidden fields', () => {
  it('an event lists a hidden field as changed but has no value of it', async () => {
    const { bus, named, org } = { ...handle.simulator, named: handle.simulator.org.named };
    const id = await create();
    faults().rest.hiddenFields.on({ fields: ['Phone', 'BillingCity'] });
    const caller = { userId: named.admin.id, api: 'rest', apiVersion: '66.0', client: null } as const;
    const values = { Phone: '3', Fax: '4', BillingCity: 'Oslo', BillingStreet: 'Main' };
    org.transaction(caller, (tx) => tx.update(id, values));
    const { fields, header } = decodeEvents(bus).at(-1) ?? {};
    expect(fields).toMatchObject({ Fax: '4', BillingAddress: { Street: 'Main', City: null } });
    expect(fields).not.toHaveProperty('Phone');
    const layout = org.fields().filter(({ inChangeEvents, compoundFieldName: of }) => inChangeEvents && !of);
    const phoneBit = 1n << BigInt(layout.findIndex(({ name }) => name === 'Phone') + 1);
    expect(BigInt(header?.changedFields[0] ?? '0') & phoneBit).toBe(phoneBit);
  });
});

describe('records hidden from the integration user', () => {
  const count = async (): Promise<number> =>
    Object((await rest('GET', `/query?q=${encodeURIComponent('SELECT COUNT() FROM Account')}`)).body)
      .totalSize;

  it('no query finds and no count includes records of other owners without "View All"', async () => {
    const own = await create();
    const [other = ''] = [...handle.simulator.org.records()].map(({ id }) => id);
    const all = await count();
    faults().rest.hiddenRecords.on();
    expect(await count()).toBeLessThan(all);
    const { body } = await rest('GET', QUERY);
    expect(Object(body).records.map(({ Id }: { Id: string }) => Id)).toContain(own);
    expect((await rest('GET', `/sobjects/Account/${own}`)).status).toBe(200);
    expect(await rest('GET', `/sobjects/Account/${other}`)).toMatchObject({
      status: 404,
      body: [{ errorCode: 'NOT_FOUND' }],
    });
    const many = await rest('POST', '/composite/sobjects/Account', { ids: [other, own], fields: ['Id'] });
    expect(many.body).toEqual([null, expect.objectContaining({ Id: own })]);
    faults().rest.hiddenRecords.off();
    expect(await count()).toBe(all);
  });

  it('hidden records can be named and are hidden from bulk jobs too', async () => {
    const id = await create();
    faults().rest.hiddenRecords.on({ recordIds: [id] });
    const soql = `SELECT Id FROM Account WHERE Id = '${id}'`;
    const query = `/queryAll?q=${encodeURIComponent(soql)}`;
    expect((await rest('GET', query)).body).toMatchObject({ totalSize: 0, done: true, records: [] });
    const job = await rest('POST', '/jobs/query', { operation: 'queryAll', query: soql });
    const path = `/jobs/query/${textAt(job, 'id')}`;
    await eventually(
      'the job is complete',
      async () => Object((await rest('GET', path)).body).state === 'JobComplete',
    );
    expect((await rest('GET', path)).body).toMatchObject({ numberRecordsProcessed: 0 });
  });
});

describe('empty query results', () => {
  it('a query for rows has an empty but valid result while a count says otherwise', async () => {
    faults().rest.emptyResults.on({ soql: 'SELECT Id', times: 1 });
    expect((await rest('GET', QUERY)).body).toEqual({ totalSize: 0, done: true, records: [] });
    expect(Object((await rest('GET', QUERY)).body).totalSize).toBeGreaterThan(0);
  });
});

describe('faults of sign-ins', () => {
  it.each([
    ['invalid_grant', 400],
    ['inactive_org', 400],
    ['server-error', 500],
    ['bad-gateway', 502],
    ['unavailable', 503],
  ] as const)('a sign-in fails with %s', async (how, status) => {
    faults().oauth.fail.on({ how, times: 1 });
    const refused = await signIn();
    expect(refused.status).toBe(status);
    if (status === 400) expect(refused.body).toMatchObject({ error: how });
    expect((await signIn()).status).toBe(200);
  });

  it('a sign-in is cut off while REST requests succeed', async () => {
    faults().oauth.fail.on({ how: 'cut-before' });
    await expect(signIn()).rejects.toThrow('fetch failed');
    expect((await limits()).status).toBe(200);
    faults().oauth.fail.off();
    expect((await signIn()).status).toBe(200);
  });
});
