import { createRemoteJWKSet, customFetch, type RemoteJWKSet } from 'jose';

/** Says that the issuer could not be asked, so that nothing can be said of a token. */
export class IssuerUnreachable extends Error {}

const maxBytes = 256 * 1024;

export type KeyTimes = {
  readonly keptMs: number;
  readonly cooldownMs: number;
  /** After a failure nobody asks again for so long: a wave of requests is no wave at the issuer. */
  readonly restMs: number;
  /** How long one answer may take. */
  readonly askMs: number;
};

const usual: KeyTimes = { keptMs: 600_000, cooldownMs: 30_000, restMs: 5_000, askMs: 3_000 };

/**
 * The keys of an OpenID Connect issuer: found by discovery when first needed, kept for ten minutes, read again when a
 * token names an unknown one, but not within half a minute of the last reading.
 */
export function signingKeys(issuer: string, times: Partial<KeyTimes> = {}): () => Promise<RemoteJWKSet> {
  const { keptMs, cooldownMs, restMs, askMs } = { ...usual, ...times };
  const ask = askWithRest(restMs);
  let finding: Promise<RemoteJWKSet> | undefined;
  return () => {
    finding ??= discover(issuer, ask, askMs)
      .then((url) =>
        createRemoteJWKSet(url, {
          timeoutDuration: askMs,
          cacheMaxAge: keptMs,
          cooldownDuration: cooldownMs,
          [customFetch]: async (target, { signal }) => {
            const set = await ask(target, signal, ({ keys }) => Array.isArray(keys));
            return new Response(JSON.stringify(set), { status: 200 });
          },
        }),
      )
      .catch((error: unknown) => {
        finding = undefined;
        throw error;
      });
    return finding;
  };
}

type Members = Readonly<Record<string, unknown>>;
type Ask = (url: string, signal: AbortSignal, fits: (answer: Members) => boolean) => Promise<Members>;

/** @throws IssuerUnreachable where no answer comes that fits, and while it rests after that */
function askWithRest(restMs: number): Ask {
  let restsUntil = 0;
  return async (url, signal, fits) => {
    if (Date.now() < restsUntil) throw new IssuerUnreachable('The issuer was away a moment ago.');
    try {
      const answer = await fetch(url, {
        redirect: 'manual',
        signal,
        headers: { accept: 'application/json' },
      });
      if (answer.status !== 200) throw new Error(`it answered ${answer.status}`);
      const members: unknown = JSON.parse(await boundedText(answer));
      if (isMembers(members) && fits(members)) return members;
      throw new Error('it answered something else than what was asked for');
    } catch (error) {
      restsUntil = Date.now() + restMs;
      throw new IssuerUnreachable(`${url} can't be read`, { cause: error });
    }
  };
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

async function boundedText({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.length;
    if (bytes > maxBytes) throw new Error(`it answered more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

async function discover(issuer: string, ask: Ask, askMs: number): Promise<URL> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  // Whoever answers for another issuer does not answer for this one.
  const found = await ask(
    url,
    AbortSignal.timeout(askMs),
    (answer) => answer['issuer'] === issuer && URL.canParse(String(answer['jwks_uri'])),
  );
  const target = new URL(String(found['jwks_uri']));
  if (target.protocol !== new URL(issuer).protocol && target.protocol !== 'https:') {
    throw new IssuerUnreachable(`${url} names keys that are not served over TLS`);
  }
  return target;
}
