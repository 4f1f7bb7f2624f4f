import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose';
import { directEgress, type Egress } from '../../egress/egress.ts';

/** The keys of the issuer are unavailable, so no token can be verified. */
export class IssuerUnavailableError extends Error {}

const maxResponseBytes = 256 * 1024;

export type KeyTimes = {
  readonly cacheMs: number;
  readonly cooldownMs: number;
  /** After a failure, no request is sent for this time. */
  readonly backoffMs: number;
  readonly requestTimeoutMs: number;
};

const defaultTimes: KeyTimes = {
  cacheMs: 600_000,
  cooldownMs: 30_000,
  backoffMs: 5_000,
  requestTimeoutMs: 3_000,
};

/**
 * Reads the keys of an OpenID Connect issuer: discovered when first needed, cached for ten minutes, and read again if a
 * token has an unknown key id, but at most every 30 seconds.
 */
export function createKeySource(
  issuer: string,
  times: Partial<KeyTimes> = {},
  egress: Egress = directEgress,
): () => Promise<RemoteJWKSet> {
  const { cacheMs, cooldownMs, backoffMs, requestTimeoutMs } = { ...defaultTimes, ...times };
  const fetchJson = fetchWithBackoff(egress, backoffMs);
  let keySet: Promise<RemoteJWKSet> | undefined;
  return () => {
    keySet ??= discover(issuer, fetchJson, requestTimeoutMs)
      .then((url) =>
        createRemoteJWKSet(url, {
          timeoutDuration: requestTimeoutMs,
          cacheMaxAge: cacheMs,
          cooldownDuration: cooldownMs,
          [customFetch]: async (target, { signal }) => {
            const set = await fetchJson(target, signal, ({ keys }) => Array.isArray(keys));
            return new Response(JSON.stringify(set), { status: 200 });
          },
        }),
      )
      .catch((error: unknown) => {
        keySet = undefined;
        throw error;
      });
    return keySet;
  };
}

type Members = Readonly<Record<string, unknown>>;
type FetchJson = (
  url: string,
  signal: AbortSignal,
  isExpected: (body: Members) => boolean,
) => Promise<Members>;

/** @throws IssuerUnavailableError without an expected response, and during the backoff after that */
function fetchWithBackoff(egress: Egress, backoffMs: number): FetchJson {
  let backoffUntil = 0;
  return async (url, signal, isExpected) => {
    if (Date.now() < backoffUntil)
      throw new IssuerUnavailableError('The issuer did not respond a moment ago.');
    try {
      const headers = { accept: 'application/json' };
      const { status, body } = await egress.send(url, { headers, signal }, maxResponseBytes);
      if (status !== 200) throw new Error(`unexpected status ${status}`);
      const members: unknown = JSON.parse(body);
      if (isMembers(members) && isExpected(members)) return members;
      throw new Error('unexpected response');
    } catch (error) {
      backoffUntil = Date.now() + backoffMs;
      throw new IssuerUnavailableError(`cannot read ${url}`, { cause: error });
    }
  };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

async function discover(issuer: string, fetchJson: FetchJson, timeoutMs: number): Promise<URL> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  // OpenID Connect Discovery requires the same issuer in the document.
  const document = await fetchJson(
    url,
    AbortSignal.timeout(timeoutMs),
    (body) => body['issuer'] === issuer && URL.canParse(String(body['jwks_uri'])),
  );
  const target = new URL(String(document['jwks_uri']));
  if (target.protocol !== new URL(issuer).protocol && target.protocol !== 'https:') {
    throw new IssuerUnavailableError(`the jwks_uri in ${url} does not use TLS`);
  }
  return target;
}
