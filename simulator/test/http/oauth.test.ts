import { exportPKCS8, generateKeyPair, importPKCS8, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { textAt, useSimulator } from './open-simulator.ts';

const simulator = useSimulator();
const { send } = simulator;

const form = { 'content-type': 'application/x-www-form-urlencoded' };
const token = (fields: Record<string, string>, headers: Record<string, string> = {}) =>
  send('POST', '/services/oauth2/token', new URLSearchParams(fields).toString(), { ...form, ...headers });

const client = { client_id: 'simulator-client', client_secret: 'not-a-secret' };
const userId = () => simulator.simulator.org.named.integration.id;
const works = async (accessToken: string) => {
  const authorization = `Bearer ${accessToken}`;
  return (await send('GET', '/services/data/v66.0/limits', undefined, { authorization })).status === 200;
};

const assertion = async (claims: JWTPayload = {}, expires: number | null = 180, key?: string) => {
  const { instanceUrl, credentials } = simulator.simulator;
  const { clientId: iss, username: sub } = credentials;
  const now = Math.floor(Date.now() / 1000);
  const exp = expires === null ? {} : { exp: now + expires };
  return new SignJWT({ iss, sub, aud: instanceUrl, ...exp, ...claims })
    .setProtectedHeader({ alg: 'RS256' })
    .sign(await importPKCS8(key ?? credentials.privateKey, 'RS256'));
};
const bearer = async (...parameters: Parameters<typeof assertion>) =>
  token({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: await assertion(...parameters),
  });

describe('grants of tokens', () => {
  it('a token is given for client credentials in the body or as HTTP Basic', async () => {
    const { instanceUrl, organizationId } = simulator.simulator;
    const answer = await token({ grant_type: 'client_credentials', ...client });
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      access_token: expect.stringMatching(new RegExp(`^${organizationId.slice(0, 15)}!AQ`)),
      signature: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
      scope: 'id api',
      instance_url: instanceUrl,
      id: `${instanceUrl}/id/${organizationId}/${userId()}`,
      token_type: 'Bearer',
      issued_at: expect.stringMatching(/^\d{13}$/),
      api_instance_url: instanceUrl,
    });
    expect(await works(textAt(answer, 'access_token'))).toBe(true);

    const basic = Buffer.from('simulator-client:not-a-secret').toString('base64');
    const again = await token({ grant_type: 'client_credentials' }, { authorization: `Basic ${basic}` });
    expect(again.status).toBe(200);
  });

  it('a token is given for a password with or without the security token', async () => {
    const { password, securityToken, username } = simulator.simulator.credentials;
    for (const given of [password, password + securityToken]) {
      const answer = await token({ grant_type: 'password', username, password: given, ...client });
      expect(answer.status).toBe(200);
      expect(answer.body).not.toHaveProperty('api_instance_url');
    }
  });

  it('a token is given for a refresh token, with or without a secret', async () => {
    const { refreshToken } = simulator.simulator.credentials;
    const request = { grant_type: 'refresh_token', refresh_token: refreshToken };
    expect((await token({ ...request, client_id: client.client_id })).status).toBe(200);
    expect((await token({ ...request, ...client })).status).toBe(200);
  });

  it.each([
    ['the simulator itself', undefined],
    ['login', 'https://login.salesforce.com'],
    ['test', 'https://test.salesforce.com'],
  ])('a token is given for a signed assertion to %s', async (_case, aud) => {
    const answer = await bearer(aud === undefined ? {} : { aud });
    expect(answer.status).toBe(200);
    expect(await works(textAt(answer, 'access_token'))).toBe(true);
  });
});

describe('refusals of tokens', () => {
  it.each([
    ['without grant type', {}, 'invalid_request'],
    ['for another grant type', { grant_type: 'device' }, 'unsupported_grant_type'],
    [
      'for an unknown client',
      { grant_type: 'client_credentials', client_id: 'x', client_secret: 'y' },
      'invalid_client_id',
    ],
    [
      'for a wrong secret',
      { grant_type: 'client_credentials', ...client, client_secret: 'y' },
      'invalid_client',
    ],
    ['without a secret', { grant_type: 'client_credentials', client_id: client.client_id }, 'invalid_client'],
    [
      'for a wrong password',
      { grant_type: 'password', username: 'integration@simulator.example', password: 'x', ...client },
      'invalid_grant',
    ],
    [
      'for an unknown user',
      { grant_type: 'password', username: 'nobody', password: 'not-a-password', ...client },
      'invalid_grant',
    ],
    [
      'for an unknown refresh token',
      { grant_type: 'refresh_token', refresh_token: 'x', ...client },
      'invalid_grant',
    ],
    [
      'without an assertion',
      { grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer' },
      'invalid_request',
    ],
  ])('a token is refused %s', async (_case, fields: Record<string, string>, error) => {
    const answer = await token(fields);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ error, error_description: expect.any(String) });
  });

  it.each([
    ['that has expired', {}, -1, 'invalid_grant'],
    ['that lives too long', {}, 3600, 'invalid_grant'],
    ['that never expires', {}, null, 'invalid_grant'],
    ['for another audience', { aud: 'https://other.example' }, 180, 'invalid_grant'],
    ['of an unknown user', { sub: 'nobody@simulator.example' }, 180, 'invalid_grant'],
    ['of another client', { iss: 'other' }, 180, 'invalid_client_id'],
  ])('a token is refused for an assertion %s', async (_case, claims: JWTPayload, expires, error) => {
    const { body, status } = await bearer(claims, expires);
    expect([status, body]).toEqual([400, { error, error_description: expect.any(String) }]);
  });

  it('a token is refused for an assertion under another key and without an assertion', async () => {
    const { privateKey } = await generateKeyPair('RS256', { extractable: true });
    const forged = await bearer({}, 180, await exportPKCS8(privateKey));
    expect(forged.body).toMatchObject({ error: 'invalid_grant' });
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    expect((await token({ grant_type, assertion: 'x.y.z' })).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('a token is refused for an assertion signed with another algorithm', async () => {
    const { clientId, privateKey, username } = simulator.simulator.credentials;
    const assertion = await new SignJWT({ iss: clientId, sub: username, aud: 'https://login.salesforce.com' })
      .setProtectedHeader({ alg: 'PS256' })
      .setExpirationTime('3m')
      .sign(await importPKCS8(privateKey, 'PS256'));
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    expect((await token({ grant_type, assertion })).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('a token is refused if the request is not a form', async () => {
    const answer = await send('POST', '/services/oauth2/token', '<a/>', { 'content-type': 'text/xml' });
    expect([answer.status, answer.body]).toMatchObject([400, { error: 'invalid_request' }]);
  });
});

describe('an org with its own clock', () => {
  const time = Date.UTC(2020, 0, 1);
  const earlier = useSimulator({ now: () => time });

  it('assertions are judged by the clock of the org', async () => {
    const { clientId, privateKey, username } = earlier.simulator.credentials;
    const assertion = await new SignJWT({ iss: clientId, sub: username, aud: earlier.simulator.instanceUrl })
      .setProtectedHeader({ alg: 'RS256' })
      .setExpirationTime(time / 1000 + 60)
      .sign(await importPKCS8(privateKey, 'RS256'));
    const grant_type = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    const body = new URLSearchParams({ grant_type, assertion }).toString();
    expect((await earlier.send('POST', '/services/oauth2/token', body, form)).status).toBe(200);
  });
});

describe('the bearer of a token', () => {
  it("the bearer of a token can read the user's identity", async () => {
    const { instanceUrl, organizationId, sessions } = simulator.simulator;
    const accessToken = sessions.issue();
    for (const method of ['GET', 'POST']) {
      const { body, status } = await send(method, '/services/oauth2/userinfo', undefined, {
        authorization: `Bearer ${accessToken}`,
      });
      expect(status).toBe(200);
      expect(body).toMatchObject({
        user_id: userId(),
        organization_id: organizationId,
        preferred_username: 'integration@simulator.example',
        urls: { rest: `${instanceUrl}/services/data/v{version}/` },
      });
    }
    const identity = await send(
      'GET',
      `/id/${organizationId}/${userId()}?format=json&oauth_token=${encodeURIComponent(accessToken)}`,
    );
    expect(identity.body).toMatchObject({ user_id: userId(), username: 'integration@simulator.example' });
  });

  it('an invalid token is refused', async () => {
    const { organizationId } = simulator.simulator;
    for (const path of ['/services/oauth2/userinfo', `/id/${organizationId}/${userId()}`]) {
      const { body, status } = await send('GET', path, undefined, { authorization: 'Bearer nope' });
      expect([status, body]).toEqual([403, 'Bad_OAuth_Token']);
    }
  });

  it('the bearer of a token can revoke it', async () => {
    const accessToken = simulator.simulator.sessions.issue();
    const revoke = () =>
      send('POST', '/services/oauth2/revoke', new URLSearchParams({ token: accessToken }).toString(), form);
    expect((await revoke()).status).toBe(200);
    expect(await works(accessToken)).toBe(false);
    const again = await revoke();
    expect([again.status, again.body]).toEqual([400, expect.stringContaining('error=invalid_token')]);
  });
});
