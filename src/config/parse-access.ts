import { isIP } from 'node:net';
import type { Static } from 'typebox';
import type { LoadLimits } from '../http/plugins/shed-load.ts';
import type { OidcOptions } from '../http/plugins/verify-token.ts';
import type { AccessOptions } from '../http/server-types.ts';
import { ConfigError } from './config-error.ts';
import type { settings } from './settings.ts';

/** Ten connections serve requests. If this many requests wait for one, a retry gets its response sooner than waiting. */
export const loadLimits: LoadLimits = { maxLatenessMs: 1_000, maxInFlight: 400, maxInFlightPerCaller: 100 };

/**
 * Who may come in, and how often.
 * @throws ConfigError with everything that is wrong
 */
export function readAccess(env: Settings): AccessOptions {
  const problems = [
    ...listed(env.TRUSTED_PROXIES)
      .filter((proxy) => !isNetwork(proxy))
      .map((proxy) => `TRUSTED_PROXIES: "${proxy}" is no address or network such as 10.0.0.0/8`),
    ...listed(env.CORS_ORIGINS)
      .filter((origin) => !isOrigin(origin))
      .map((origin) => `CORS_ORIGINS: "${origin}" is no origin such as https://app.example.com`),
    ...oidcProblems(env),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const oidc = readOidc(env);
  return {
    ...(oidc === undefined ? {} : { oidc }),
    rateLimits: {
      perKey: env.RATE_LIMIT_PER_MINUTE,
      perAddress: env.RATE_LIMIT_WITHOUT_KEY_PER_MINUTE,
      perWebhookAddress: env.RATE_LIMIT_WEBHOOKS_PER_MINUTE,
    },
    loadLimits,
    trustedProxies: listed(env.TRUSTED_PROXIES),
    corsOrigins: listed(env.CORS_ORIGINS),
    publicMetrics: env.METRICS_PUBLIC,
  };
}

type Settings = Static<typeof settings>;

/** The entries of a setting that is separated by commas. */
export function listed(text = ''): string[] {
  return text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** An address, or a network such as 10.0.0.0/8. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128));
}

/** As a browser sends it: no path, no wildcard, nothing that it would write in another way. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function readOidc(env: Settings): OidcOptions | undefined {
  const { OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, OIDC_SCOPE_CLAIM: scopeClaim } = env;
  if (issuer === undefined || audience === undefined) return undefined;
  return {
    issuer,
    audience,
    scopePrefix: env.OIDC_SCOPE_PREFIX,
    ...(scopeClaim === undefined ? {} : { scopeClaim }),
  };
}

function oidcProblems({ OIDC_ISSUER: issuer, OIDC_AUDIENCE: audience, OIDC_SCOPE_CLAIM: claim }: Settings) {
  if (issuer === undefined) {
    const [name] = [audience && 'OIDC_AUDIENCE', claim && 'OIDC_SCOPE_CLAIM'].filter(Boolean);
    return name === undefined ? [] : [`OIDC_ISSUER is required with ${name}`];
  }
  const problems: string[] = [];
  if (audience === undefined) {
    problems.push('OIDC_AUDIENCE is required with OIDC_ISSUER: the audience that tokens for Tidemark have');
  }
  if (!isIssuer(issuer)) {
    problems.push('OIDC_ISSUER: its value is no https:// URL (http:// is only for this machine)');
  }
  return problems;
}

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, search, hash } = new URL(text);
  if (username !== '' || search !== '' || hash !== '') return false;
  return protocol === 'https:' || (protocol === 'http:' && ['127.0.0.1', 'localhost'].includes(hostname));
}
