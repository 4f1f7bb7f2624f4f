import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { mintSelfSignedCertificate } from 'salesforce-simulator/pubsub/self-signed-certificate.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SalesforceError } from '../../src/salesforce/error.ts';
import { defaultJwtAudience } from '../../src/salesforce/jwt-audience.ts';
import { describeAccount } from '../../src/salesforce/records.ts';
import { type Credentials, connect } from '../../src/salesforce/sign-in.ts';
import { readCodes } from '../../src/salesforce/signup-codes.ts';
import { openRestGate } from '../helpers/rest-gate.ts';
import { accountTopic, openSimulatorOrg } from '../helpers/simulator-org.ts';

const id = '001000000000001AAA';

describe('sign-in', () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ accounts: 1 });
  });
  afterAll(() => simulator.close());

  const jwt = (given: { clientId?: string; username?: string; privateKey?: string } = {}): Credentials => {
    const { clientId, username, privateKey } = simulator.credentials;
    return { flow: 'jwt-bearer', clientId, username, privateKey, ...given };
  };
  const token = (): Credentials => ({
    flow: 'access-token',
    accessToken: simulator.sessions.issue(),
    instanceUrl: simulator.instanceUrl,
  });

  it('the sign-in works with client credentials, a signed JWT and an external token', async () => {
    const pkcs1 = createPrivateKey(simulator.credentials.privateKey).export({ type: 'pkcs1', format: 'pem' });
    const ways: Partial<{ credentials: Credentials }>[] = [
      {},
      { credentials: jwt() },
      { credentials: jwt({ privateKey: pkcs1.toString() }) },
      { credentials: token() },
    ];
    for (const way of ways) {
      const org = await openSimulatorOrg(simulator, way);
      expect(org).toMatchObject({
        organizationId: simulator.organizationId,
        userId: simulator.org.named.integration.id,
      });
      org.close();
    }
  });

  it('a lookup that meets an expired token signs in again while a stream with it stays open', async () => {
    const org = await openSimulatorOrg(simulator);
    simulator.sessions.revokeAll();
    const { schemaId } = await org.pubsub.getTopic(accountTopic);
    simulator.sessions.revokeAll();
    expect(await org.pubsub.getSchema(schemaId)).toContain('AccountChangeEvent');
    org.close();
  });

  it.each<[string, () => Credentials, object]>([
    [
      'a wrong secret',
      () => ({ flow: 'client-credentials', clientId: simulator.credentials.clientId, clientSecret: 'wrong' }),
      { code: 'invalid_client', failure: 'config', message: 'invalid client credentials' },
    ],
    [
      'an unknown client',
      () => ({ flow: 'client-credentials', clientId: 'nobody', clientSecret: 'wrong' }),
      { code: 'invalid_client_id', failure: 'config' },
    ],
    [
      'a claim of an unknown user',
      () => jwt({ username: 'nobody@tidemark.example' }),
      { code: 'invalid_grant' },
    ],
    [
      'a claim signed with another key',
      () => jwt({ privateKey: rsaKey() }),
      { code: 'invalid_grant', failure: 'config' },
    ],
    [
      'a key that is none',
      () => jwt({ privateKey: 'no key' }),
      { code: 'SALESFORCE_PRIVATE_KEY', failure: 'config' },
    ],
    [
      'a key of another kind',
      () => jwt({ privateKey: ecKey() }),
      { code: 'SALESFORCE_PRIVATE_KEY', failure: 'config' },
    ],
    [
      'a token that is not valid',
      () => ({ flow: 'access-token', accessToken: 'wrong', instanceUrl: simulator.instanceUrl }),
      { code: 'SALESFORCE_ACCESS_TOKEN', failure: 'config', setting: 'SALESFORCE_ACCESS_TOKEN' },
    ],
  ])('a sign-in fails with %s and the message of Salesforce', async (_, credentials, error) => {
    await expect(openSimulatorOrg(simulator, { credentials: credentials() })).rejects.toMatchObject({
      name: 'SalesforceError',
      ...error,
    });
  });

  it('a sign-in without a server is a transient error', async () => {
    const free = await startSimulator();
    await free.close();
    await expect(openSimulatorOrg(simulator, { loginUrl: free.instanceUrl })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
      failure: 'transient',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('a token that expires under twenty requests is renewed once and all of them succeed', async () => {
    const org = await openSimulatorOrg(simulator);
    const tokens = new Set<string>();
    for (let round = 1; round <= 3; round++) {
      simulator.sessions.revokeAll();
      const answers = Array.from({ length: 20 }, () => describeAccount(org.connection));
      expect(new Set((await Promise.all(answers)).map((fields) => fields.length)).size).toBe(1);
      tokens.add(org.connection.accessToken ?? '');
      expect(tokens.size).toBe(round);
    }
    org.close();
  });

  it('an external token can not be renewed: a person has to set a new one', async () => {
    const org = await openSimulatorOrg(simulator, { credentials: token() });
    simulator.sessions.revokeAll();
    const expired = { code: 'SALESFORCE_ACCESS_TOKEN', failure: 'config', name: 'SalesforceError' };
    await expect(readCodes(org.connection, 'SignUpCode__c', [id])).rejects.toMatchObject(expired);
    await expect(org.renewToken(new SalesforceError('no', 'X', 'auth'))).rejects.toMatchObject(expired);
    org.close();
  });
});

describe('an org that refuses every token', () => {
  let server: Server;
  let loginUrl = '';
  let tokens = 0;

  beforeAll(async () => {
    server = createServer((request: IncomingMessage, response) => {
      const isSignIn = request.url === '/services/oauth2/token';
      if (isSignIn) tokens += 1;
      response.writeHead(isSignIn ? 200 : 401, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(
          isSignIn
            ? { access_token: `fake-${tokens}`, instance_url: loginUrl }
            : [{ errorCode: 'INVALID_SESSION_ID', message: 'Session expired or invalid' }],
        ),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    loginUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  it('a few tokens are tried before the sign-in fails with a clear error', async () => {
    const credentials = { flow: 'client-credentials', clientId: 'a', clientSecret: 'b' } as const;
    const { connection } = await connect({ loginUrl, credentials, apiVersion: '66.0' });
    await expect(describeAccount(connection)).rejects.toMatchObject({
      message: 'Salesforce issues access tokens, but its REST API refuses them: Session expired or invalid',
      code: 'FRESH_TOKENS_REFUSED',
      failure: 'permission',
    });
    expect(tokens).toBeLessThanOrEqual(6);
  });
});

describe('an org replaced by another one', () => {
  it('an org with another id is not called any more, whatever its token says', async () => {
    const first = await startSimulator({ accounts: 1 });
    const org = await openSimulatorOrg(first);
    const httpPort = Number(new URL(first.instanceUrl).port);
    await first.close();
    const second = await startSimulator({ accounts: 1, httpPort, organizationId: '00DTM00000000092AA' });
    await expect(describeAccount(org.connection)).rejects.toMatchObject({
      code: 'OTHER_ORG',
      failure: 'config',
    });
    org.close();
    await second.close();
  });
});

describe('a sign-in that is refused after the token was issued', () => {
  const credentials = { flow: 'client-credentials', clientId: 'a', clientSecret: 'b' } as const;
  const refuseIdentity = { kind: 'answer', status: 403, type: 'text/html' } as const;

  it.each<[string, string, 'token' | 'client', object]>([
    [
      'a missing OAuth scope',
      '<html>insufficient_scope</html>',
      'client',
      {
        failure: 'permission',
        setting: 'SALESFORCE_CLIENT_ID',
        action: expect.stringContaining('OAuth scopes'),
      },
    ],
    [
      'a missing OAuth scope of a token',
      '<html>insufficient_scope</html>',
      'token',
      { failure: 'permission', setting: 'SALESFORCE_ACCESS_TOKEN' },
    ],
    [
      'an expired token',
      'Bad_OAuth_Token',
      'token',
      { failure: 'config', setting: 'SALESFORCE_ACCESS_TOKEN' },
    ],
  ])('%s is named with the setting', async (_, body, flow, error) => {
    await using gate = await openRestGate();
    const simulator = await startSimulator({ accounts: 1, publicUrl: gate.url });
    gate.forwardTo(simulator.instanceUrl);
    gate.meet({ path: /userinfo/, treatment: { ...refuseIdentity, body } });
    const instanceUrl = gate.url;
    const token: Credentials = { flow: 'access-token', accessToken: simulator.sessions.issue(), instanceUrl };
    const { clientId, clientSecret } = simulator.credentials;
    const client: Credentials = { flow: 'client-credentials', clientId, clientSecret };
    await expect(
      openSimulatorOrg(simulator, {
        credentials: flow === 'token' ? token : client,
        loginUrl: simulator.instanceUrl,
      }),
    ).rejects.toMatchObject(error);
    await simulator.close();
  });

  it('a session at an address without TLS on another machine is refused', async () => {
    const server = createServer((_, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: 'x', instance_url: 'http://acme.my.salesforce.com' }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const loginUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(connect({ loginUrl, credentials, apiVersion: '66.0' })).rejects.toMatchObject({
      code: 'INSECURE_INSTANCE_URL',
      failure: 'config',
      setting: 'SALESFORCE_LOGIN_URL',
    });
    const secure = { loginUrl: loginUrl.replace('http:', 'https:'), credentials, apiVersion: '66.0' };
    await expect(connect(secure)).rejects.toMatchObject({
      failure: 'config',
      setting: 'SALESFORCE_LOGIN_URL',
    });
    await new Promise((resolve) => server.close(resolve));
  });

  it('a certificate that is not trusted is an error that names the setting of authorities', async () => {
    const server = createTlsServer(mintSelfSignedCertificate(['localhost']));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const loginUrl = `https://localhost:${(server.address() as AddressInfo).port}`;
    await expect(connect({ loginUrl, credentials, apiVersion: '66.0' })).rejects.toMatchObject({
      failure: 'config',
      setting: 'NODE_EXTRA_CA_CERTS',
      message: expect.stringContaining(`request to ${new URL(loginUrl).host} failed: `),
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

describe('the audience of a JWT', () => {
  it.each([
    ['https://login.salesforce.com', 'https://login.salesforce.com'],
    ['https://test.salesforce.com/', 'https://test.salesforce.com'],
    ['https://acme.my.salesforce.com', 'https://login.salesforce.com'],
    ['https://acme.develop.my.salesforce.com', 'https://login.salesforce.com'],
    ['https://acme--dev.sandbox.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://acme--dev.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://acme.scratch.my.salesforce.com', 'https://test.salesforce.com'],
    ['https://salesforce.acme.example', 'https://salesforce.acme.example'],
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
  ])('the audience at %s is %s by default', (loginUrl, audience) => {
    expect(defaultJwtAudience(loginUrl)).toBe(audience);
  });

  it('the audience that is set is sent, and one that the org refuses is an error that names the setting', async () => {
    const simulator = await startSimulator({ accounts: 1, publicUrl: 'https://acme.my.salesforce.com' });
    const { clientId, username, privateKey } = simulator.credentials;
    const signIn = (audience: string) =>
      connect({
        loginUrl: simulator.instanceUrl,
        credentials: { flow: 'jwt-bearer', clientId, username, privateKey, audience },
        apiVersion: '66.0',
      });
    await expect(signIn('https://elsewhere.example')).rejects.toMatchObject({
      failure: 'config',
      setting: 'SALESFORCE_JWT_AUDIENCE',
    });
    const { tokens } = await signIn('https://login.salesforce.com');
    expect(tokens.session?.instanceUrl).toBe('https://acme.my.salesforce.com');
    await simulator.close();
  });
});

describe('a host that is not Salesforce', () => {
  it('a host that is not Salesforce is named in the error', async () => {
    const server = createServer((_, response) => {
      response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not here</html>');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
    await expect(
      connect({
        loginUrl: url,
        credentials: { flow: 'client-credentials', clientId: 'a', clientSecret: 'b' },
        apiVersion: '66.0',
      }),
    ).rejects.toMatchObject({
      code: 'ERROR_HTTP_404',
      failure: 'config',
      setting: 'SALESFORCE_LOGIN_URL',
      message: 'the token endpoint responded with status 404 (an HTML page)',
    });
    await new Promise((resolve) => server.close(resolve));
  });
});

function rsaKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function ecKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
