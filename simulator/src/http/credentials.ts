import { generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** The credentials of clients: fake, and equal in every simulator except for the key pair. */
export const createCredentials = async (): Promise<Credentials> => {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return {
    clientId: 'simulator-client',
    clientSecret: 'not-a-secret',
    username: 'integration@simulator.example',
    password: 'not-a-password',
    securityToken: 'FAKETOKEN',
    refreshToken: 'not-a-refresh-token',
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    publicKey,
  };
};

export type Credentials = {
  readonly clientId: string;
  readonly clientSecret: string;
  /** The integration user. All users have the same password. */
  readonly username: string;
  readonly password: string;
  /** Optional suffix of the password. */
  readonly securityToken: string;
  readonly refreshToken: string;
  /** PEM (PKCS #8), for the JWT bearer flow. */
  readonly privateKey: string;
  readonly publicKey: KeyObject;
};
