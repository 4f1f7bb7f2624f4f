import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';

/** An OpenID Connect issuer on a real port: discovery, keys, tokens. */
export type OidcIssuer = {
  readonly url: string;
  /** The paths requested so far. */
  readonly asked: readonly string[];
  /** How it responds from now on; correctly by default. */
  answer(how: (path: string, response: ServerResponse) => boolean): void;
  /** A new key in place of the old ones, answered from now on. */
  rotate(): Promise<void>;
  /** Signed with the newest key, or the given one. */
  token(claims?: Readonly<Record<string, unknown>>, signing?: Partial<Signing>): Promise<string>;
  readonly newest: Signing;
  close(): Promise<void>;
};

export type Signing = {
  readonly kid: string;
  readonly alg: string;
  readonly key: CryptoKey | Uint8Array;
  readonly typ?: string | undefined;
};

export const audience = 'tidemark-under-test';

export async function startIssuer(): Promise<OidcIssuer> {
  const asked: string[] = [];
  let instead: (path: string, response: ServerResponse) => boolean = () => false;
  let published: object = {};
  let newest: Signing;
  let made = 0;
  const rotate = async (): Promise<void> => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    newest = { kid: `key-${++made}`, alg: 'ES256', key: privateKey };
    published = { keys: [{ ...(await exportJWK(publicKey)), kid: newest.kid, alg: 'ES256', use: 'sig' }] };
  };
  const server = createServer(({ url: path = '' }, response) => {
    asked.push(path);
    if (instead(path, response)) return;
    const body = path === '/keys' ? published : { issuer: url, jwks_uri: `${url}/keys` };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
  });
  await listen(server);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await rotate();
  return {
    url,
    asked,
    answer: (how) => {
      instead = how;
    },
    rotate,
    get newest() {
      return newest;
    },
    token: (claims = {}, signing = {}) => {
      const { kid, alg, key, typ } = { ...newest, ...signing };
      const now = Math.floor(Date.now() / 1000);
      const usual = {
        iss: url,
        aud: audience,
        sub: 'robot',
        iat: now,
        exp: now + 300,
        scope: 'tidemark:read',
      };
      return new SignJWT({ ...usual, ...claims })
        .setProtectedHeader({ alg, kid, ...(typ !== undefined && { typ }) })
        .sign(key);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}
