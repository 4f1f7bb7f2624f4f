import { createPrivateKey } from 'node:crypto';
import { importPKCS8, SignJWT } from 'jose';
import { Connection } from 'jsforce';
import { directEgress, type Egress, type TextResponse } from '../egress/egress.ts';
import { isConfidential } from '../egress/proxy-rule.ts';
import { type ClockDifference, createClockDifference } from './clock-difference.ts';
import { judgeOAuth, type Refusal, refusalOf, SalesforceError } from './error.ts';
import { defaultJwtAudience } from './jwt-audience.ts';
import { describeBody, isHtml, parseJson } from './response-body.ts';
import { type RestTransport, restTransport, type Usage } from './rest-transport.ts';
import type { Session } from './sign-in-state.ts';
import { createTokenSource, fixedSession, type TokenSource } from './token-source.ts';

export type Credentials =
  | { readonly flow: 'client-credentials'; readonly clientId: string; readonly clientSecret: string }
  | {
      readonly flow: 'jwt-bearer';
      readonly clientId: string;
      readonly username: string;
      /** PEM, PKCS #8 or PKCS #1. */
      readonly privateKey: string;
      /** Derived from the login URL by default. */
      readonly audience?: string;
    }
  | { readonly flow: 'access-token'; readonly accessToken: string; readonly instanceUrl: string };

type Renewable = Exclude<Credentials, { flow: 'access-token' }>;

export type ConnectionOptions = {
  readonly loginUrl: string;
  readonly credentials: Credentials;
  /** `66.0` */
  readonly apiVersion: string;
  /** Called with each failure of the token endpoint or of a REST call, except those that concern single records. */
  readonly onFailure?: (target: 'rest' | 'sign-in', error: SalesforceError) => void;
  /** Direct connections by default. */
  readonly egress?: Egress;
};

/** The client name in `changeOrigin` of Tidemark's writes. */
export const clientName = 'Tidemark';

/** A jsforce connection whose requests use the current session. */
export type SignedIn = {
  readonly connection: Connection;
  readonly openResponse: RestTransport['open'];
  readonly tokens: TokenSource;
  readonly clock: ClockDifference;
};

/** Signs in. @throws SalesforceError */
export async function connect({
  loginUrl,
  credentials,
  apiVersion,
  onFailure = () => {},
  egress = directEgress,
}: ConnectionOptions): Promise<SignedIn> {
  const connection = new Connection({
    version: apiVersion,
    callOptions: { client: clientName },
    ...(credentials.flow === 'access-token' && { instanceUrl: credentials.instanceUrl }),
  });
  const use = ({ accessToken, instanceUrl }: Session): void => {
    connection.accessToken = accessToken;
    connection.instanceUrl = instanceUrl;
  };
  const tokens =
    credentials.flow === 'access-token'
      ? fixedSession(credentials, tokenExpired)
      : createTokenSource({
          signIn: () => requestSession(egress, loginUrl, credentials),
          onSession: sameOrg(use),
          onFailure: (error) => onFailure('sign-in', error),
        });
  const clock = createClockDifference();
  const onUsage = (apiUsage: Usage): void => {
    connection.limitInfo = { apiUsage };
  };
  const transport = restTransport({
    egress,
    tokens,
    clock,
    usage: () => connection.limitInfo.apiUsage,
    onUsage,
    onFailure: (error) => onFailure('rest', error),
  });
  connection._transport = transport;
  use(await tokens.current('rest'));
  return { connection, openResponse: transport.open, tokens, clock };
}

/** Refuses a session of another org, for example after a sandbox refresh. */
function sameOrg(use: (session: Session) => void): (session: Session) => void {
  let first: Session | undefined;
  return (session) => {
    if (first !== undefined && orgOf(session) !== orgOf(first)) {
      throw new SalesforceError('the credentials now belong to another org', 'OTHER_ORG', 'config', {
        setting: 'SALESFORCE_LOGIN_URL',
        action: 'Give Tidemark the credentials of the mirrored org, or a new database for the other one.',
      });
    }
    first ??= session;
    use(session);
  };
}

/** The org id in a token: 15 characters before the exclamation mark. */
function orgOf({ accessToken }: Session): string | undefined {
  return /^(00D[a-zA-Z0-9]{12})!/.exec(accessToken)?.[1];
}

function tokenExpired(): SalesforceError {
  return new SalesforceError(
    'the access token has expired or is not valid; set a new one',
    'SALESFORCE_ACCESS_TOKEN',
    'config',
    {
      setting: 'SALESFORCE_ACCESS_TOKEN',
      action:
        'Set SALESFORCE_ACCESS_TOKEN to a new token, or use a flow that renews it, and restart Tidemark.',
      duringSignIn: true,
      retryAfterMs: 10_000,
    },
  );
}

const tokenTimeoutMs = 10_000;
const maxTokenBytes = 1024 * 1024;
const tokenPath = '/services/oauth2/token';

/** Requests a session from the token endpoint. @throws SalesforceError */
async function requestSession(egress: Egress, loginUrl: string, credentials: Renewable): Promise<Session> {
  const body = new URLSearchParams(await grantOf(loginUrl, credentials)).toString();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const signal = AbortSignal.timeout(tokenTimeoutMs);
  const url = new URL(tokenPath, loginUrl);
  try {
    return readSession(await egress.send(url, { method: 'POST', headers, body, signal }, maxTokenBytes));
  } catch (error) {
    if (error instanceof SalesforceError) throw error;
    const message = `no answer to the request for an access token within ${tokenTimeoutMs / 1000} s`;
    const refusal = signal.aborted ? { code: 'TIMEOUT', message } : refusalOf(error as Error);
    throw signInError(refusal, error as Error);
  }
}

function readSession({ status: statusCode, headers, body }: TextResponse): Session {
  const answer = parseJson(body);
  const { access_token: accessToken, instance_url: instanceUrl } = answer;
  if (statusCode === 200 && typeof accessToken === 'string' && typeof instanceUrl === 'string') {
    if (URL.canParse(instanceUrl) && isConfidential(instanceUrl))
      return { accessToken, instanceUrl: new URL(instanceUrl).origin };
    const message = 'the token endpoint names an instance_url that is not an https:// URL';
    throw new SalesforceError(message, 'INSECURE_INSTANCE_URL', 'config', {
      setting: 'SALESFORCE_LOGIN_URL',
    });
  }
  const { error, error_description: description } = answer;
  if (statusCode >= 400 && typeof error === 'string' && !isHtml(headers)) {
    const message = typeof description === 'string' && description !== '' ? description : error;
    throw signInError({ code: error, message, status: statusCode });
  }
  if (statusCode >= 400) {
    const message = `the token endpoint responded with status ${statusCode} (${describeBody(body)})`;
    throw signInError({ code: `ERROR_HTTP_${statusCode}`, message, status: statusCode });
  }
  const message = `the token endpoint responded with status ${statusCode} without a token (${describeBody(body)})`;
  throw new SalesforceError(message, 'BAD_ANSWER', 'transient', {
    setting: 'SALESFORCE_LOGIN_URL',
    action:
      'Check that SALESFORCE_LOGIN_URL is the login host or the My Domain of the org; Tidemark retries.',
  });
}

function signInError(refusal: Refusal, cause?: Error): SalesforceError {
  const { failure, ...details } = judgeOAuth(refusal);
  return new SalesforceError(refusal.message, refusal.code, failure, { ...details, cause });
}

const jwtGrant = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

async function grantOf(loginUrl: string, credentials: Renewable): Promise<Record<string, string>> {
  const { flow, clientId } = credentials;
  if (flow === 'client-credentials') {
    const { clientSecret } = credentials;
    return { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret };
  }
  const assertion = await signAssertion(loginUrl, credentials);
  return { grant_type: jwtGrant, assertion, client_id: clientId };
}

/** A signed assertion, valid for three minutes. Source: RFC 7523, OAuth 2.0 JWT Bearer Flow. */
async function signAssertion(
  loginUrl: string,
  {
    clientId,
    username,
    privateKey,
    audience = defaultJwtAudience(loginUrl),
  }: Extract<Credentials, { flow: 'jwt-bearer' }>,
): Promise<string> {
  const key = await importPKCS8(pkcs8Of(privateKey), 'RS256');
  return new SignJWT()
    .setProtectedHeader({ alg: 'RS256' })
    .setIssuer(clientId)
    .setSubject(username)
    .setAudience(audience)
    .setExpirationTime('3 minutes')
    .sign(key);
}

function pkcs8Of(privateKey: string): string {
  let cause: unknown;
  try {
    const key = createPrivateKey(privateKey);
    if (key.asymmetricKeyType === 'rsa') return key.export({ type: 'pkcs8', format: 'pem' }).toString();
  } catch (error) {
    cause = error;
  }
  const setting = 'SALESFORCE_PRIVATE_KEY';
  const message = 'the private key is not an RSA key in PEM form';
  throw new SalesforceError(message, setting, 'config', { cause, setting });
}
