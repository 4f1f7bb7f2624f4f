import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Egress } from '../../egress/egress.ts';
import type { Scope } from '../api-key.ts';
import { Problem } from '../problem.ts';
import { createKeySource, IssuerUnavailableError, type KeyTimes } from './signing-keys.ts';

export type OidcOptions = {
  readonly issuer: string;
  readonly audience: string;
  /** The claim with the scopes, or a path such as `realm_access.roles`; defaults to `scope`, `scp` and `roles`. */
  readonly scopeClaim?: string;
  /** Prefix of `read`, `write` and `admin` in that claim. */
  readonly scopePrefix: string;
  readonly times?: Partial<KeyTimes>;
  /** Direct connections by default. */
  readonly egress?: Egress;
};

export type TokenCaller = { readonly name: string; readonly scopes: readonly Scope[] };

/** @throws Problem 401 for an invalid token, 503 if the keys of the issuer are unavailable */
export type VerifyToken = (token: string) => Promise<TokenCaller>;

// Asymmetric algorithms only: with HMAC, the public key could be used to forge a signature.
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const clockToleranceSeconds = 30;

/** Verifies access tokens of an OpenID Connect issuer for this audience. */
export function createTokenVerifier(
  options: OidcOptions,
  onUnavailable: (error: Error) => void,
): VerifyToken {
  const readKeys = createKeySource(options.issuer, options.times, options.egress);
  return async (token) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(token, await readKeys(), {
        issuer: options.issuer,
        audience: options.audience,
        algorithms,
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub'],
      });
      requireAccessToken(protectedHeader.typ);
      requirePast(payload);
      return { name: callerName(payload), scopes: parseScopes(payload, options) };
    } catch (error) {
      throw tokenProblem(error, onUnavailable);
    }
  };
}

/** Rejects tokens for other purposes, such as `logout+jwt` or `id+jwt`. RFC 9068, section 4; RFC 8725, section 3.11. */
function requireAccessToken(type: string | undefined): void {
  if (!['jwt', 'at+jwt'].includes(type?.toLowerCase().replace(/^application\//, '') ?? 'jwt'))
    throw new errors.JWTInvalid('typ is not that of an access token');
}

/** `nbf` is verified by the library, `iat` is not. */
function requirePast({ iat = 0, ...payload }: JWTPayload): void {
  if (iat > Date.now() / 1000 + clockToleranceSeconds)
    throw new errors.JWTClaimValidationFailed('iat is in the future', { iat, ...payload }, 'iat');
}

/** Names of API keys contain no colon, so `oidc:` is unambiguous. */
function callerName({ sub = '' }: JWTPayload): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(sub)) throw new errors.JWTInvalid('sub is malformed');
  return `oidc:${sub}`;
}

/** Parses the scopes from a space-separated string or a list. */
export function parseScopes(
  payload: Readonly<Record<string, unknown>>,
  { scopeClaim, scopePrefix }: Pick<OidcOptions, 'scopeClaim' | 'scopePrefix'>,
): Scope[] {
  const claims = scopeClaim === undefined ? ['scope', 'scp', 'roles'] : [scopeClaim];
  const granted = new Set(claims.flatMap((claim) => toList(payload[claim] ?? valueAtPath(payload, claim))));
  return (['read', 'write', 'admin'] as const).filter((scope) => granted.has(`${scopePrefix}${scope}`));
}

function toList(value: unknown): unknown[] {
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value : [];
}

function valueAtPath(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => {
    return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
      ? Reflect.get(inner, name)
      : undefined;
  }, value);
}

function tokenProblem(error: unknown, onUnavailable: (error: Error) => void): Problem {
  if (!(error instanceof Error)) return invalidToken('The token is invalid.');
  if (error instanceof errors.JWTExpired) return invalidToken('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return invalidToken(`The claim "${error.claim}" of the token is invalid.`);
  }
  const isUnavailable =
    error instanceof IssuerUnavailableError || unavailableCodes.has((error as errors.JOSEError).code);
  if (!isUnavailable && error instanceof errors.JOSEError) return invalidToken('The token is invalid.');
  onUnavailable(error);
  return new Problem('unavailable', 'The token issuer is not available.', {
    headers: { 'retry-after': '5' },
  });
}

// The keys could not be read: the token may be valid.
const unavailableCodes = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

function invalidToken(detail: string): Problem {
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': 'Bearer realm="tidemark", error="invalid_token"' },
  });
}
