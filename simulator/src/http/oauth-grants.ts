import { errors, jwtVerify } from 'jose';
import type { HttpContext } from './http-context.ts';

/** Validates a token request by its grant type and returns the id of the user. Throws OAuthError. */
export const grantUser = async (form: TokenForm, context: GrantContext): Promise<string> => {
  switch (form.get('grant_type')) {
    case 'client_credentials':
      requireClient(form, context, true);
      return userNamed(context.credentials.username, context);
    case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
      return jwtUser(form, context);
    case 'refresh_token':
      return refreshUser(form, context);
    case 'password':
      return passwordUser(form, context);
    case undefined:
      throw new OAuthError('invalid_request', 'missing required parameter: grant_type');
    default:
      throw new OAuthError('unsupported_grant_type', 'grant type not supported');
  }
};

const jwtUser = async (form: TokenForm, context: GrantContext): Promise<string> => {
  const { credentials, endpoints, now } = context;
  const assertion = form.get('assertion');
  if (!assertion) throw new OAuthError('invalid_request', 'missing required parameter: assertion');
  const { payload } = await jwtVerify(assertion, credentials.publicKey, {
    algorithms: ['RS256'],
    audience: [endpoints.instanceUrl, 'https://login.salesforce.com', 'https://test.salesforce.com'],
    requiredClaims: ['iss', 'sub', 'aud', 'exp'],
    currentDate: new Date(now()),
  }).catch((error: unknown) => {
    throw jwtError(error);
  });
  if (payload.iss !== credentials.clientId) throw unknownClient();
  if (Number(payload.exp) * 1000 > now() + maxAssertionLifetimeMs) {
    throw new OAuthError('invalid_grant', 'assertion expires more than 5 minutes from now');
  }
  return userNamed(payload.sub, context, "user hasn't approved this consumer");
};

const jwtError = (error: unknown): OAuthError => {
  if (error instanceof errors.JWTExpired) return new OAuthError('invalid_grant', 'expired assertion');
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'aud') {
    return new OAuthError('invalid_grant', 'Audience validation failed');
  }
  return new OAuthError('invalid_grant', 'invalid assertion');
};

const refreshUser = (form: TokenForm, context: GrantContext): string => {
  requireClient(form, context, false);
  const userId = context.sessions.userOfRefreshToken(form.get('refresh_token') ?? '');
  if (!userId) throw new OAuthError('invalid_grant', 'expired access/refresh token');
  return userId;
};

const passwordUser = (form: TokenForm, context: GrantContext): string => {
  requireClient(form, context, true);
  const userId = userWithPassword(form.get('username'), form.get('password'), context);
  if (!userId) throw new OAuthError('invalid_grant', 'authentication failure');
  return userId;
};

/** The user with this name and password. The password may end with the security token. */
export const userWithPassword = (
  username: string | undefined,
  password: string | undefined,
  { org, credentials }: Pick<HttpContext, 'org' | 'credentials'>,
): string | undefined => {
  const fits =
    password === credentials.password || password === credentials.password + credentials.securityToken;
  return fits ? org.users.find((user) => user.username === username)?.id : undefined;
};

const requireClient = (form: TokenForm, { credentials }: GrantContext, secretRequired: boolean): void => {
  const secret = form.get('client_secret');
  if (form.get('client_id') !== credentials.clientId) throw unknownClient();
  if (secret === undefined && !secretRequired) return;
  if (secret !== credentials.clientSecret)
    throw new OAuthError('invalid_client', 'invalid client credentials');
};

const userNamed = (
  username: string | undefined,
  { org }: GrantContext,
  failure = 'authentication failure',
): string => {
  const user = org.users.find((candidate) => candidate.username === username);
  if (!user) throw new OAuthError('invalid_grant', failure);
  return user.id;
};

const unknownClient = () => new OAuthError('invalid_client_id', 'client identifier invalid');

const maxAssertionLifetimeMs = 5 * 60_000;

/** An error of the token endpoint: HTTP 400 `{"error","error_description"}`. */
export class OAuthError extends Error {
  readonly error: string;

  constructor(error: string, description: string) {
    super(description);
    this.name = 'OAuthError';
    this.error = error;
  }
}

/** The parameters of a token request, without repetition. */
export type TokenForm = ReadonlyMap<string, string>;

type GrantContext = Pick<HttpContext, 'org' | 'sessions' | 'credentials' | 'endpoints' | 'now'>;
