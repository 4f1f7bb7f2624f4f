import { importPKCS8, SignJWT } from 'jose';
import { Connection, OAuth2 } from 'jsforce';
import { describe, expect, it } from 'vitest';
import { decodeEvents } from '../pubsub/decode-events.ts';
import { useSimulator } from './open-simulator.ts';

const handle = useSimulator({ accounts: 30, tls: true });

const version = '64.0';
const loginUrl = () => handle.simulator.instanceUrl;
const oauth2 = () => {
  const { clientId, clientSecret } = handle.simulator.credentials;
  return { clientId, clientSecret, loginUrl: loginUrl() };
};
const connect = () => {
  const { instanceUrl, sessions } = handle.simulator;
  return new Connection({ instanceUrl, accessToken: sessions.issue(), version });
};
const names = (count: number) => Array.from({ length: count }, (_, at) => ({ Name: `jsforce ${at}` }));
type Composite = { compositeResponse: { httpStatusCode: number; body: unknown; referenceId: string }[] };
const works = async (connection: Connection) => {
  const { organization_id: organizationId } = await connection.identity();
  expect(organizationId).toBe(handle.simulator.organizationId);
  expect((await connection.query('SELECT COUNT() FROM Account')).totalSize).toBeGreaterThan(0);
};

describe('sign-ins with jsforce', () => {
  it('jsforce signs in and out with name and password over SOAP', async () => {
    const connection = new Connection({ loginUrl: loginUrl(), version });
    const { password, securityToken, username } = handle.simulator.credentials;
    const user = await connection.login(username, password + securityToken);
    expect(user.organizationId).toBe(handle.simulator.organizationId);
    await works(connection);
    await connection.logout();
    await expect(connection.login(username, 'wrong')).rejects.toThrow(/^INVALID_LOGIN/);
  });

  it('jsforce signs in with name and password over OAuth', async () => {
    const connection = new Connection({ oauth2: oauth2(), version });
    const { password, username } = handle.simulator.credentials;
    await connection.login(username, password);
    await works(connection);
    await connection.logout();
  });

  it('jsforce signs in with client credentials', async () => {
    const connection = new Connection({ oauth2: oauth2(), version });
    await connection.authorize({ grant_type: 'client_credentials' });
    await works(connection);
    expect(connection.instanceUrl).toBe(loginUrl());
  });

  it('jsforce signs in with a JWT', async () => {
    const { clientId, privateKey, username } = handle.simulator.credentials;
    const assertion = await new SignJWT()
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(clientId)
      .setSubject(username)
      .setAudience(loginUrl())
      .setExpirationTime('3m')
      .sign(await importPKCS8(privateKey, 'RS256'));
    const connection = new Connection({ oauth2: { clientId, loginUrl: loginUrl() }, version });
    await connection.authorize({
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion,
    });
    await works(connection);
  });

  it('jsforce accepts a token obtained elsewhere', async () => {
    await works(connect());
  });

  it('jsforce signs in again by its refresh token when the session has expired', async () => {
    const { credentials, instanceUrl, sessions } = handle.simulator;
    const { refreshToken } = credentials;
    const connection = new Connection({
      oauth2: new OAuth2(oauth2()),
      instanceUrl,
      accessToken: sessions.issue(),
      refreshToken,
      version,
    });
    const refreshed: string[] = [];
    connection.on('refresh', (token: string) => refreshed.push(token));
    sessions.revokeAll();
    await works(connection);
    expect(refreshed).toEqual([connection.accessToken]);
  });

  it('jsforce does not sign in again without a way to refresh', async () => {
    const connection = connect();
    handle.simulator.sessions.revokeAll();
    await expect(connection.query('SELECT Id FROM Account')).rejects.toMatchObject({
      errorCode: 'INVALID_SESSION_ID',
    });
  });
});

describe('accounts with jsforce', () => {
  it('jsforce works with one account at a time', async () => {
    const connection = connect();
    const created = await connection.create('Account', { Name: 'Alone' });
    const id = created.id ?? '';
    expect(created).toEqual({ id, success: true, errors: [] });
    const changed = await connection.update('Account', { Id: id, Phone: '1', SignUpCode__c: 'JSF1' });
    expect(changed).toEqual({ id, success: true, errors: [] });
    expect(await connection.retrieve('Account', id)).toMatchObject({ Id: id, Name: 'Alone', Phone: '1' });
    const upserted = await connection.upsert('Account', { SignUpCode__c: 'JSF1', Fax: '2' }, 'SignUpCode__c');
    expect(upserted).toMatchObject({ id, success: true, created: false });
    expect(await connection.destroy('Account', id)).toMatchObject({ id, success: true });
    await expect(connection.retrieve('Account', id)).rejects.toMatchObject({
      errorCode: 'ENTITY_IS_DELETED',
    });
    expect(await connection.soap.undelete([id])).toMatchObject([{ id, success: true }]);
    expect(await connection.retrieve('Account', id)).toMatchObject({ Fax: '2' });
  });

  it('jsforce works with 200 accounts at a time and gets mixed results', async () => {
    const connection = connect();
    const created = await connection.create('Account', names(200));
    const ids = created.map(({ id }) => id ?? '');
    expect(new Set(ids).size).toBe(200);
    const updates = ids.map((Id, at) => ({ Id, SignUpCode__c: `M${at % 199}` }));
    const updated = await connection.update('Account', updates);
    expect(updated.filter(({ success }) => success)).toHaveLength(199);
    expect(updated[199]).toMatchObject({ success: false, errors: [{ statusCode: 'DUPLICATE_VALUE' }] });
    const read = await connection.retrieve('Account', ids.slice(0, 2), { fields: ['SignUpCode__c'] });
    expect(read).toMatchObject([{ SignUpCode__c: 'M0' }, { SignUpCode__c: 'M1' }]);
    const upserts = [{ SignUpCode__c: 'M0' }, { SignUpCode__c: 'new' }].map((code) => ({
      ...code,
      Name: 'u',
    }));
    expect(await connection.upsert('Account', upserts, 'SignUpCode__c')).toMatchObject([
      { id: ids[0], created: false },
      { created: true },
    ]);
    const destroyed = await connection.destroy('Account', ids);
    expect(destroyed.every(({ success }) => success)).toBe(true);
  });

  it('jsforce writes all accounts or none', async () => {
    const connection = connect();
    const records = [{ Name: 'fine' }, { Name: '' }];
    const results = await connection.create('Account', records, { allOrNone: true });
    expect(results).toMatchObject([
      { success: false, errors: [{ statusCode: 'ALL_OR_NONE_OPERATION_ROLLED_BACK' }] },
      { success: false, errors: [{ statusCode: 'REQUIRED_FIELD_MISSING' }] },
    ]);
  });

  it('jsforce queries accounts over several pages', async () => {
    const connection = connect();
    for (let sent = 0; sent < 3; sent += 1) await connection.create('Account', names(150));
    const soql = 'SELECT Id, Name, BillingAddress FROM Account';
    const headers = { 'Sforce-Query-Options': 'batchSize=200' };
    const all = await connection.query(soql, { autoFetch: true, maxFetch: 10_000, headers });
    expect(all.done).toBe(true);
    expect(new Set(all.records.map(({ Id }) => Id)).size).toBe(all.totalSize);

    const first = await connection.query(soql, { headers });
    expect([first.done, first.records.length]).toEqual([false, 200]);
    const second = await connection.queryMore(first.nextRecordsUrl ?? '');
    expect(second.records).toHaveLength(200);
    expect(second.records).toEqual(all.records.slice(200, 400));
    const builder = connection.sobject('Account').find({ Name: { $like: 'jsforce 14_' } }, 'Id, Name');
    expect(await builder.sort('Name').limit(2)).toMatchObject([
      { Name: 'jsforce 140' },
      { Name: 'jsforce 140' },
    ]);
  });

  it('jsforce reads fields of parents, deleted records and bulk results', async () => {
    const connection = connect();
    const parent = await connection.create('Account', { Name: 'Parent', BillingCity: 'Oslo' });
    const { id: ParentId = '' } = parent;
    const child = await connection.create('Account', { Name: 'Child', ParentId });
    const soql = 'SELECT Name, Owner.Name, Parent.Name, Parent.BillingCity, Parent.Owner.Email FROM Account';
    const { records } = await connection.query(
      `${soql} WHERE Parent.Name = 'Parent' AND Owner.Name LIKE 'Int%'`,
    );
    const owner = { attributes: { type: 'User' }, Email: 'integration@simulator.example' };
    expect(records).toMatchObject([
      {
        Name: 'Child',
        Owner: { attributes: { type: 'User' }, Name: 'Integration User' },
        Parent: { attributes: { type: 'Account' }, Name: 'Parent', BillingCity: 'Oslo', Owner: owner },
      },
    ]);
    const orphan = await connection.query(`${soql} WHERE Id = '${ParentId}'`);
    expect(orphan.records).toMatchObject([{ Name: 'Parent', Parent: null }]);
    await connection.destroy('Account', child.id ?? '');
    const all = await connection.query('SELECT Id FROM Account WHERE IsDeleted = true', { scanAll: true });
    expect(all.records.map(({ Id }) => Id)).toContain(child.id);
    const rows: unknown[] = [];
    const bulk = await connection.bulk2.query(`SELECT Id, Owner.Name FROM Account WHERE Id = '${ParentId}'`);
    for await (const row of bulk) rows.push(row);
    expect(rows).toEqual([{ Id: ParentId, 'Owner.Name': 'Integration User' }]);
  });

  it('jsforce sends composite requests, whose parts refer to earlier ones', async () => {
    const connection = connect();
    const base = `/services/data/v${version}`;
    const post = { method: 'POST', url: `${base}/sobjects/Account` };
    const compositeRequest = [
      { ...post, referenceId: 'parent', body: { Name: 'Composite' } },
      { ...post, referenceId: 'child', body: { Name: 'of @{parent.id}', ParentId: '@{parent.id}' } },
      {
        method: 'PATCH',
        url: `${base}/sobjects/Account/SignUpCode__c/COMP1`,
        referenceId: 'coded',
        body: { Name: 'Coded' },
      },
      {
        method: 'GET',
        url: `${base}/query?q=SELECT Parent.Name FROM Account WHERE ParentId = '@{parent.id}'`,
        referenceId: 'found',
      },
      { method: 'GET', url: `${base}/sobjects/Account/@{found.records[0].Nope}`, referenceId: 'broken' },
      { method: 'DELETE', url: `${base}/sobjects/Account/@{child.id}`, referenceId: 'gone' },
    ];
    const path = `${base}/composite`;
    const { compositeResponse } = await connection.requestPost<Composite>(path, { compositeRequest });
    expect(compositeResponse.map(({ httpStatusCode }) => httpStatusCode)).toEqual([
      201, 201, 201, 200, 400, 204,
    ]);
    expect(compositeResponse).toMatchObject([
      { referenceId: 'parent', httpHeaders: { Location: expect.stringContaining('/Account/001') } },
      {},
      { body: { created: true } },
      { body: { records: [{ Parent: { Name: 'Composite' } }] } },
      { body: [{ errorCode: 'PROCESSING_HALTED' }] },
      { body: null },
    ]);
    const count = handle.simulator.org.size;
    const events = handle.simulator.bus.retained().length;
    const failing = [compositeRequest[0], { ...post, referenceId: 'bad', body: { Name: '' } }];
    const whole = await connection.requestPost<Composite>(path, {
      allOrNone: true,
      compositeRequest: failing,
    });
    expect(whole.compositeResponse).toMatchObject([
      { httpStatusCode: 400, body: [{ errorCode: 'PROCESSING_HALTED' }] },
      { httpStatusCode: 400, body: [{ errorCode: 'REQUIRED_FIELD_MISSING' }] },
    ]);
    expect([handle.simulator.org.size, handle.simulator.bus.retained().length]).toEqual([count, events]);
    const pair = compositeRequest.slice(0, 2);
    await connection.requestPost(path, { allOrNone: true, compositeRequest: pair });
    const [first, second] = decodeEvents(handle.simulator.bus).slice(-2);
    expect(first?.header.transactionKey).toBe(second?.header.transactionKey);
    await expect(
      connection.requestPost(path, { compositeRequest: Array.from({ length: 26 }, () => pair[0]) }),
    ).rejects.toMatchObject({ errorCode: 'LIMIT_EXCEEDED' });
  });

  it('jsforce reads fields and limits', async () => {
    const connection = connect();
    const { fields } = await connection.describe('Account');
    expect(fields.map(({ name }) => name)).toContain('SignUpCode__c');
    const { sobjects } = await connection.describeGlobal();
    expect(sobjects.map(({ name }) => name)).toEqual(['Account']);
    expect((await connection.limits())['DailyApiRequests']?.Max).toBe(100_000);
    expect(connection.limitInfo.apiUsage).toMatchObject({ limit: 100_000 });
  });
});
