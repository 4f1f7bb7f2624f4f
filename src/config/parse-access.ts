import { isIP } from 'node:net';
import type { Static } from 'typebox';
import { isConfidential } from '../egress/proxy-rule.ts';
import type { LoadLimits } from '../http/plugins/shed-load.ts';
import type { OidcOptions } from '../http/plugins/verify-token.ts';
import type { AccessOptions } from '../http/server-types.ts';
import { ConfigError } from './config-error.ts';
import type { settings } from './settings.ts';

/** The API has ten database connections: beyond this queue length, a retry is faster than waiting. */
export const loadLimits: LoadLimits = { maxLatenessMs: 1_000, maxInFlight: 400, maxInFlightPerCaller: 100 };

/** @throws ConfigError with all invalid settings */
export function parseAccess(env: Settings): AccessOptions {
  const problems = [
    ...parseList(env.TRUSTED_PROXIES)
      .filter((proxy) => !isNetwork(proxy))
      .map((proxy) => `TRUSTED_PROXIES: "${proxy}" is not an address or network such as 10.0.0.0/8`),
    ...parseList(env.CORS_ORIGINS)
      .filter((origin) => !isOrigin(origin))
      .map((origin) => `CORS_ORIGINS: "${origin}" is not an origin such as https://app.example.com`),
    ...oidcProblems(env),
  ];
  if (problems.length > 0) throw new ConfigError(problems);
  const oidc = parseOidc(env);
  return {
    ...(oidc === undefined ? {} : { oidc }),
    rateLimits: {
      perKey: env.RATE_LIMIT_PER_MINUTE,
      perAddress: env.RATE_LIMIT_WITHOUT_KEY_PER_MINUTE,
      perWebhookAddress: env.RATE_LIMIT_WEBHOOKS_PER_MINUTE,
    },
    loadLimits,
    trustedProxies: parseList(env.TRUSTED_PROXIES),
    corsOrigins: parseList(env.CORS_ORIGINS),
    publicMetrics: env.METRICS_PUBLIC,
  };
}

type Settings = Static<typeof settings>;

/** Parses a comma-separated list. */
export function parseList(text = ''): string[] {
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

/** Whether the text is an origin in the form that browsers send. */
function isOrigin(text: string): boolean {
  return /^https?:/.test(text) && URL.canParse(text) && new URL(text).origin === text;
}

function parseOidc(env: Settings): OidcOptions | undefined {
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
    problems.push('OIDC_AUDIENCE is required with OIDC_ISSUER: the audience of tokens for Tidemark');
  }
  if (!isIssuer(issuer)) {
    problems.push('OIDC_ISSUER: its value is not an https:// URL (http:// is allowed only for localhost)');
  }
  return problems;
}

function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { username, search, hash } = new URL(text);
  if (username !== '' || search !== '' || hash !== '') return false;
  return isConfidential(text);
}
