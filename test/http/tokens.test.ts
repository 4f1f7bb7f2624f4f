import { exportSPKI, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseScopes } from '../../src/http/plugins/verify-token.ts';
import { audience, type OidcIssuer, startIssuer } from '../helpers/oidc-issuer.ts';
import { keys, startServer, type TestServer } from './start-server.ts';

let issuer: OidcIssuer;
let server: TestServer;
beforeAll(async () => {
  issuer = await startIssuer();
  server = await serverFor(issuer);
});
afterAll(async () => {
  await server.close();
  await issuer.close();
});

// No database listens, so what got past the door ends as 503 of the kind `unavailable`.
const passed = 'The database does not answer. Try again in a few seconds.';
const resync = '/v1/accounts/001al00000K3N1wAAF/resync';
const now = Math.floor(Date.now() / 1000);

describe('tokens of the issuer', () => {
  test('a token grants the scopes that it names, next to the API keys', async () => {
    const reader = await issuer.token();
    expect((await server.send('get', '/v1/accounts', { key: reader })).body.detail).toBe(passed);
    const refused = await server.send('post', resync, { key: reader });
    expect([refused.status, refused.body.detail]).toEqual([
      403,
      'The token of "robot" lacks the scope "write", which this operation requires.',
    ]);
    const writer = await issuer.token({ scope: 'openid tidemark:write' });
    expect((await server.send('post', resync, { key: writer })).body.detail).toBe(passed);
    expect((await server.send('get', '/v1/accounts', { key: keys.read })).body.detail).toBe(passed);
  });

  test('a token without a known scope is authenticated and may do nothing', async () => {
    for (const scope of ['', 'read', 'tidemark:', 'tidemark:readx', 'x-tidemark:read', 'tidemark:read,x']) {
      const { status } = await server.send('get', '/v1/accounts', { key: await issuer.token({ scope }) });
      expect(status, scope).toBe(403);
    }
  });

  test.each([
    ['of another audience', { aud: 'another-service' }, 'The claim "aud" of the token is invalid.'],
    ['of another issuer', { iss: 'https://elsewhere.example' }, 'The claim "iss" of the token is invalid.'],
    ['that has expired', { exp: now - 120 }, 'The token has expired.'],
    ['that is not valid yet', { nbf: now + 120 }, 'The claim "nbf" of the token is invalid.'],
    ['from the future', { iat: now + 120 }, 'The claim "iat" of the token is invalid.'],
    ['without an end', { exp: undefined }, 'The claim "exp" of the token is invalid.'],
    ['of nobody', { sub: undefined }, 'The claim "sub" of the token is invalid.'],
    ['of a subject that would forge a line of the log', { sub: 'a\nb' }, 'The token is invalid.'],
  ])('a token %s is refused', async (_name, claims, detail) => {
    const response = await server.send('get', '/v1/accounts', { key: await issuer.token(claims) });
    expect([response.status, response.body.detail]).toEqual([401, detail]);
    expect(response.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('only tokens of the type of an access token are accepted', async () => {
    for (const typ of ['logout+jwt', 'id+jwt', 'secevent+jwt', 'dpop+jwt']) {
      const response = await server.send('get', '/v1/accounts', { key: await issuer.token({}, { typ }) });
      expect([response.status, response.body.detail], typ).toEqual([401, 'The token is invalid.']);
    }
    for (const typ of ['JWT', 'at+jwt', 'application/at+jwt', undefined]) {
      const key = await issuer.token({}, { typ });
      expect((await server.send('get', '/v1/accounts', { key })).body.detail, typ).toBe(passed);
    }
  });

  test('the clock of a token may differ by half a minute', async () => {
    const late = await issuer.token({ exp: now - 5, nbf: now + 20 });
    expect((await server.send('get', '/v1/accounts', { key: late })).body.detail).toBe(passed);
  });
});

describe('forged tokens', () => {
  test('a token without a signature or signed with public data is refused', async () => {
    const token = await issuer.token();
    const [, body = '', signature = ''] = token.split('.');
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const publicText = new TextEncoder().encode(await exportSPKI(publicKey));
    const { kid } = issuer.newest;
    const forged = [
      `${encode({ alg: 'none' })}.${body}.`,
      `${encode({ alg: 'none', kid })}.${body}.${signature}`,
      await issuer.token({}, { alg: 'HS256', key: publicText }),
      await issuer.token({}, { key: privateKey }),
      await issuer.token({}, { key: privateKey, kid: 'unknown' }),
      `${encode({ alg: 'ES256', kid, crit: ['x'], x: 1 })}.${body}.${signature}`,
      `${token.slice(0, -4)}AAAA`,
    ];
    for (const key of forged) {
      const response = await server.send('get', '/v1/accounts', { key });
      expect(response.status, key).toBe(401);
      expect(JSON.stringify(response.body)).not.toContain(body);
    }
  });

  test('tokens with unknown keys do not cause a request to the issuer each time', async () => {
    const { privateKey } = await generateKeyPair('ES256');
    await server.send('get', '/v1/accounts', { key: await issuer.token() });
    const before = issuer.asked.length;
    for (let n = 0; n < 20; n++) {
      const key = await issuer.token({}, { kid: `unknown-${n}`, key: privateKey });
      expect((await server.send('get', '/v1/accounts', { key })).status).toBe(401);
    }
    expect(issuer.asked.length).toBe(before);
  });
});

test('keys are rotated without a restart: new tokens are accepted and old ones are refused', async () => {
  const rotating = await startIssuer();
  const impatient = await serverFor(rotating, { cooldownMs: 0 });
  const old = await rotating.token();
  expect((await impatient.send('get', '/v1/accounts', { key: old })).body.detail).toBe(passed);
  await rotating.rotate();
  const fresh = await rotating.token();
  expect((await impatient.send('get', '/v1/accounts', { key: fresh })).body.detail).toBe(passed);
  expect((await impatient.send('get', '/v1/accounts', { key: old })).status).toBe(401);
  await impatient.close();
  await rotating.close();
});

describe('an unavailable issuer', () => {
  test.each([
    ['answers 500', (_path, response) => response.writeHead(500).end()],
    ['answers no JSON', (_path, response) => response.end('<html>')],
    ['answers for another', (_path, response) => response.end('{"issuer":"https://elsewhere.example"}')],
    ['answers without end', (_path, response) => response.end('x'.repeat(300_000))],
    ['sends elsewhere', (_path, response) => response.writeHead(302, { location: '/keys' }).end()],
    ['has keys that are none', (path, response) => path === '/keys' && response.end('{"keys":1}')],
    ['cuts the connection', (_path, response) => response.destroy()],
  ] satisfies [string, (path: string, response: import('node:http').ServerResponse) => unknown][])(
    'an issuer that %s causes 503, is not asked by every request, and API keys work',
    async (_name, how) => {
      const away = await startIssuer();
      away.answer((path, response) => Boolean(how(path, response)));
      const waiting = await serverFor(away);
      const key = await away.token();
      for (let n = 0; n < 5; n++) {
        const response = await waiting.send('get', '/v1/accounts', { key });
        expect([response.status, response.body.detail]).toEqual([503, 'The token issuer is not available.']);
        expect(response.headers['retry-after']).toBe('5');
      }
      expect(away.asked.length).toBeLessThanOrEqual(2);
      expect((await waiting.send('get', '/v1/accounts', { key: keys.read })).body.detail).toBe(passed);
      await waiting.close();
      await away.close();
    },
  );

  test('tokens are accepted while the keys of an unavailable issuer are known', async () => {
    const away = await startIssuer();
    const waiting = await serverFor(away);
    const key = await away.token();
    expect((await waiting.send('get', '/v1/accounts', { key })).body.detail).toBe(passed);
    await away.close();
    expect((await waiting.send('get', '/v1/accounts', { key })).body.detail).toBe(passed);
    await waiting.close();
  });
});

test.each([
  [{ scope: 'tidemark:read tidemark:admin' }, undefined, ['read', 'admin']],
  [{ scp: ['tidemark:write'] }, undefined, ['write']],
  [{ roles: ['tidemark:admin'] }, undefined, ['admin']],
  [{ scope: 'tidemark:read', mine: 'tidemark:write' }, 'mine', ['write']],
  [{ realm_access: { roles: ['tidemark:read'] } }, 'realm_access.roles', ['read']],
  [{ 'https://a.example/roles': ['tidemark:read'] }, 'https://a.example/roles', ['read']],
  [{ scope: { read: true } }, undefined, []],
  [{}, '__proto__.x', []],
] as const)('the claims %j read by %s grant %j', (claims, scopeClaim, scopes) => {
  expect(parseScopes(claims, { scopePrefix: 'tidemark:', ...(scopeClaim && { scopeClaim }) })).toEqual(
    scopes,
  );
});

// However slow the machine is: within a test nothing is asked for again unless the test says so.
const patient = { cacheMs: 3_600_000, cooldownMs: 3_600_000, backoffMs: 3_600_000, requestTimeoutMs: 60_000 };

function serverFor({ url }: OidcIssuer, times: { cooldownMs?: number } = {}): Promise<TestServer> {
  const oidc = { issuer: url, audience, scopePrefix: 'tidemark:', times: { ...patient, ...times } };
  return startServer({ overrides: { access: { oidc } } });
}

function encode(header: object): string {
  return Buffer.from(JSON.stringify(header)).toString('base64url');
}
