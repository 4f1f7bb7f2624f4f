import { errors, type JWTPayload, jwtVerify } from 'jose';
import type { Scope } from '../api-key.ts';
import { Problem } from '../problem.ts';
import { IssuerUnreachable, type KeyTimes, signingKeys } from './signing-keys.ts';

export type OidcOptions = {
  readonly issuer: string;
  readonly audience: string;
  /** The claim that lists what the caller may do, or a path such as `realm_access.roles`; by itself the usual three. */
  readonly scopeClaim?: string;
  /** What stands before `read`, `write` and `admin` in that claim. */
  readonly scopePrefix: string;
  /** Where they are not the usual ones. */
  readonly times?: Partial<KeyTimes>;
};

export type TokenCaller = { readonly name: string; readonly scopes: readonly Scope[] };

/** @throws Problem 401 for a token that is not valid, 503 while the issuer can't be asked */
export type VerifyToken = (token: string) => Promise<TokenCaller>;

// Signatures with a public key only: with a shared secret, that public key could be used to forge.
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512'];
const clockToleranceSeconds = 30;

/** Accepts the access tokens of an OpenID Connect issuer that are meant for this service. */
export function tokenVerifier(options: OidcOptions, onUnreachable: (error: Error) => void): VerifyToken {
  const keys = signingKeys(options.issuer, options.times);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, await keys(), {
        issuer: options.issuer,
        audience: options.audience,
        algorithms: [...algorithms, 'EdDSA', 'Ed25519'],
        clockTolerance: clockToleranceSeconds,
        requiredClaims: ['exp', 'sub'],
      });
      return { name: callerName(payload), scopes: scopesIn(payload, options) };
    } catch (error) {
      throw toProblem(error, onUnreachable);
    }
  };
}

/** A colon is in no name of an API key, so the two never meet. */
function callerName({ sub = '' }: JWTPayload): string {
  if (!/^[\x21-\x7e]{1,255}$/.test(sub)) throw new errors.JWTInvalid('sub has no usable form');
  return `oidc:${sub}`;
}

/** A text with spaces or a list of texts, in the claim that is set or in those that issuers use. */
export function scopesIn(
  payload: Readonly<Record<string, unknown>>,
  { scopeClaim, scopePrefix }: Pick<OidcOptions, 'scopeClaim' | 'scopePrefix'>,
): Scope[] {
  const claims = scopeClaim === undefined ? ['scope', 'scp', 'roles'] : [scopeClaim];
  const given = new Set(claims.flatMap((claim) => texts(payload[claim] ?? atPath(payload, claim))));
  return (['read', 'write', 'admin'] as const).filter((scope) => given.has(`${scopePrefix}${scope}`));
}

function texts(value: unknown): unknown[] {
  if (typeof value === 'string') return value.split(' ');
  return Array.isArray(value) ? value : [];
}

function atPath(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((inner, name) => {
    return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
      ? Reflect.get(inner, name)
      : undefined;
  }, value);
}

function toProblem(error: unknown, onUnreachable: (error: Error) => void): Problem {
  if (!(error instanceof Error)) return refused('The token is not valid.');
  if (error instanceof errors.JWTExpired) return refused('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refused(`The claim "${error.claim}" of the token does not fit.`);
  }
  const unreachable = error instanceof IssuerUnreachable || unreadable.has((error as errors.JOSEError).code);
  if (!unreachable && error instanceof errors.JOSEError) return refused('The token is not valid.');
  onUnreachable(error);
  return new Problem('unavailable', 'The issuer of the token can not be asked at the moment.', {
    headers: { 'retry-after': '5' },
  });
}

// The keys did not come, or are none: nothing is known of the token.
const unreadable = new Set(['ERR_JWKS_TIMEOUT', 'ERR_JWKS_INVALID', 'ERR_JOSE_GENERIC']);

function refused(detail: string): Problem {
  return new Problem('unauthenticated', detail, {
    headers: { 'www-authenticate': 'Bearer realm="tidemark", error="invalid_token"' },
  });
}
