import { createPrivateKey } from 'node:crypto';
import { importPKCS8, SignJWT } from 'jose';
import { Connection, OAuth2 } from 'jsforce';
import { withDeadline } from './deadline.ts';
import { fromRestError, refreshFailureText, SalesforceError } from './error.ts';

/** The three ways to sign in. */
export type Credentials =
  | { readonly flow: 'client-credentials'; readonly clientId: string; readonly clientSecret: string }
  | {
      readonly flow: 'jwt-bearer';
      readonly clientId: string;
      readonly username: string;
      /** PEM, PKCS #8 or PKCS #1. */
      readonly privateKey: string;
    }
  | { readonly flow: 'access-token'; readonly accessToken: string; readonly instanceUrl: string };

export type Session = { readonly accessToken: string; readonly instanceUrl: string };

/**
 * Gets an access token.
 * @throws SalesforceError with Salesforce's own words
 */
export async function signIn(loginUrl: string, credentials: Credentials): Promise<Session> {
  if (credentials.flow === 'access-token') {
    return { accessToken: credentials.accessToken, instanceUrl: credentials.instanceUrl };
  }
  const { flow, clientId } = credentials;
  try {
    const oauth2 = new OAuth2({
      loginUrl,
      clientId,
      ...(flow === 'client-credentials' ? { clientSecret: credentials.clientSecret } : {}),
    });
    const request = oauth2.requestToken(
      flow === 'client-credentials'
        ? { grant_type: 'client_credentials' }
        : { grant_type: jwtGrant, assertion: await assertion(loginUrl, credentials) },
    );
    const answer = await withDeadline(request, 30_000, 'the request for an access token');
    return { accessToken: answer.access_token, instanceUrl: answer.instance_url };
  } catch (error) {
    throw fromRestError(error);
  }
}

const jwtGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** A signed claim to be the user, good for three minutes. Source: RFC 7523, OAuth 2.0 JWT Bearer Flow. */
async function assertion(
  loginUrl: string,
  credentials: Extract<Credentials, { flow: 'jwt-bearer' }>,
): Promise<string> {
  const key = await importPKCS8(pkcs8Of(credentials.privateKey), 'RS256');
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(credentials.clientId)
    .setSubject(credentials.username)
    .setAudience(new URL(loginUrl).origin)
    .setExpirationTime('3 minutes')
    .sign(key);
}

function pkcs8Of(privateKey: string): string {
  try {
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch (error) {
    throw badKey(error);
  }
  throw badKey(undefined);
}

function badKey(cause: unknown): SalesforceError {
  const message = 'the private key is not an RSA key in PEM form';
  return new SalesforceError(message, 'SALESFORCE_PRIVATE_KEY', 'config', { cause });
}

export type ConnectionOptions = {
  readonly loginUrl: string;
  readonly credentials: Credentials;
  /** `66.0` */
  readonly apiVersion: string;
};

/** The client name in `changeOrigin` of our own writes. */
export const clientName = 'Tidemark';

/**
 * A signed-in jsforce connection. On a 401 jsforce asks for a new token once, however many requests are under way,
 * and repeats them; an org that refuses fresh tokens ends in an error, not in a loop.
 */
export async function connect(options: ConnectionOptions): Promise<Connection> {
  const session = await signIn(options.loginUrl, options.credentials);
  const refreshes: number[] = [];
  return new Connection({
    version: options.apiVersion,
    instanceUrl: session.instanceUrl,
    accessToken: session.accessToken,
    callOptions: { client: clientName },
    refreshFn: (_connection, done) => {
      freshSession(options, refreshes).then(
        ({ accessToken }) => {
          if (orgOf(accessToken) === orgOf(session.accessToken)) done(null, accessToken);
          else done(new Error(refreshFailureText(otherOrg())));
        },
        (error: unknown) => done(new Error(refreshFailureText(fromRestError(error)))),
      );
    },
  });
}

/** The org that a token belongs to, 15 characters before the exclamation mark; undefined where it doesn't say. */
function orgOf(accessToken: string): string | undefined {
  return /^(00D[a-zA-Z0-9]{12})!/.exec(accessToken)?.[1];
}

/** A sandbox was refreshed, for example: what is known of one org must not be asked of another. */
function otherOrg(): SalesforceError {
  return new SalesforceError('the credentials belong to another org now', 'OTHER_ORG', 'config');
}

/** A new token, but not more than five in half a minute: then the refusals have another cause. */
async function freshSession(options: ConnectionOptions, refreshes: number[]): Promise<Session> {
  if (options.credentials.flow === 'access-token') {
    throw new SalesforceError(
      'the access token has expired; set a new one',
      'SALESFORCE_ACCESS_TOKEN',
      'config',
    );
  }
  const now = Date.now();
  refreshes.splice(0, refreshes.length, ...refreshes.filter((at) => at > now - 30_000), now);
  if (refreshes.length > 5) {
    throw new SalesforceError(
      'Salesforce keeps refusing fresh access tokens',
      'FRESH_TOKENS_REFUSED',
      'permission',
    );
  }
  return signIn(options.loginUrl, options.credentials);
}
