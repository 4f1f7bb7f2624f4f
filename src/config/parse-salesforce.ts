import { readFileSync } from 'node:fs';
import type { Static } from 'typebox';
import { isConfidential, isLoopback } from '../egress/proxy-rule.ts';
import type { Credentials } from '../salesforce/sign-in.ts';
import { ConfigError } from './config-error.ts';
import type { settings } from './settings.ts';

export type SalesforceConfig = {
  readonly loginUrl: string;
  readonly credentials: Credentials;
  readonly pubsubEndpoint: string;
  readonly pubsubTls: boolean;
  readonly certificateAuthority?: string;
};

type Settings = Static<typeof settings>;

/** Whether a setting selects a Salesforce org. */
export function isSalesforceSetting(name: string, value: unknown): boolean {
  return (
    value !== undefined &&
    (name === 'PUBSUB_CA_FILE' || (name.startsWith('SALESFORCE_') && name !== 'SALESFORCE_API_VERSION'))
  );
}

/**
 * Parses the org and its credentials; undefined if no Salesforce setting is set.
 * @throws ConfigError naming the missing settings
 */
export function parseSalesforce(env: Settings): SalesforceConfig | undefined {
  const present = Object.entries(env).filter(([name, value]) => isSalesforceSetting(name, value));
  if (present.length === 0) return undefined;
  const loginUrl = env.SALESFORCE_LOGIN_URL ?? env.SALESFORCE_INSTANCE_URL;
  const problems: string[] = [];
  const credentials = parseCredentials(env, problems);
  if (loginUrl === undefined) {
    const names = present.map(([name]) => name).join(', ');
    problems.push(
      `SALESFORCE_LOGIN_URL is required with ${names} (for example https://yourdomain.my.salesforce.com)`,
    );
  }
  problems.push(...addressProblems(env), ...tokenProblems(env));
  const host = env.PUBSUB_ENDPOINT.split(':')[0] ?? '';
  if (!env.PUBSUB_TLS && !isLoopback(host)) {
    problems.push(`PUBSUB_TLS: "false" is only for a loopback PUBSUB_ENDPOINT, not ${env.PUBSUB_ENDPOINT}`);
  }
  const authority =
    env.PUBSUB_CA_FILE === undefined
      ? undefined
      : readSettingFile('PUBSUB_CA_FILE', env.PUBSUB_CA_FILE, problems);
  if (problems.length > 0 || loginUrl === undefined || credentials === undefined)
    throw new ConfigError(problems);
  return {
    loginUrl,
    credentials,
    pubsubEndpoint: env.PUBSUB_ENDPOINT,
    pubsubTls: env.PUBSUB_TLS,
    ...(authority === undefined ? {} : { certificateAuthority: authority }),
  };
}

function parseCredentials(env: Settings, problems: string[]): Credentials | undefined {
  const { SALESFORCE_CLIENT_ID: clientId, SALESFORCE_CLIENT_SECRET: clientSecret } = env;
  const { SALESFORCE_USERNAME: username, SALESFORCE_ACCESS_TOKEN: accessToken } = env;
  const instanceUrl = env.SALESFORCE_INSTANCE_URL ?? env.SALESFORCE_LOGIN_URL;
  if (accessToken !== undefined && instanceUrl !== undefined)
    return { flow: 'access-token', accessToken, instanceUrl };
  const keyFile = env.SALESFORCE_PRIVATE_KEY_FILE;
  const privateKey =
    env.SALESFORCE_PRIVATE_KEY?.replaceAll('\\n', '\n') ??
    (keyFile === undefined ? undefined : readSettingFile('SALESFORCE_PRIVATE_KEY_FILE', keyFile, problems));
  if (clientId !== undefined && username !== undefined && privateKey !== undefined) {
    const { SALESFORCE_JWT_AUDIENCE: audience } = env;
    return {
      flow: 'jwt-bearer',
      clientId,
      username,
      privateKey,
      ...(audience !== undefined && { audience }),
    };
  }
  if (clientId !== undefined && clientSecret !== undefined)
    return { flow: 'client-credentials', clientId, clientSecret };
  // An unreadable key file is already reported.
  if (problems.length === 0) problems.push(missingCredential(env));
  return undefined;
}

/** Describes the missing settings in one sentence. */
function missingCredential(env: Settings): string {
  const { SALESFORCE_CLIENT_ID: clientId, SALESFORCE_CLIENT_SECRET: clientSecret } = env;
  const hasKey = env.SALESFORCE_PRIVATE_KEY !== undefined || env.SALESFORCE_PRIVATE_KEY_FILE !== undefined;
  if (env.SALESFORCE_ACCESS_TOKEN !== undefined)
    return 'SALESFORCE_INSTANCE_URL is required with SALESFORCE_ACCESS_TOKEN';
  if (env.SALESFORCE_USERNAME !== undefined && !hasKey)
    return 'SALESFORCE_PRIVATE_KEY or SALESFORCE_PRIVATE_KEY_FILE is required with SALESFORCE_USERNAME';
  if (hasKey && env.SALESFORCE_USERNAME === undefined)
    return 'SALESFORCE_USERNAME is required with SALESFORCE_PRIVATE_KEY';
  if (clientId === undefined && (hasKey || clientSecret !== undefined))
    return `SALESFORCE_CLIENT_ID is required with ${hasKey ? 'SALESFORCE_PRIVATE_KEY' : 'SALESFORCE_CLIENT_SECRET'}`;
  if (clientId !== undefined)
    return 'SALESFORCE_CLIENT_SECRET is required with SALESFORCE_CLIENT_ID, or SALESFORCE_USERNAME with SALESFORCE_PRIVATE_KEY';
  return 'SALESFORCE_CLIENT_ID is required with SALESFORCE_CLIENT_SECRET, or with SALESFORCE_USERNAME and SALESFORCE_PRIVATE_KEY; or SALESFORCE_ACCESS_TOKEN with SALESFORCE_INSTANCE_URL';
}

const addressNames = ['SALESFORCE_LOGIN_URL', 'SALESFORCE_INSTANCE_URL'] as const;

/** Secrets are sent to these addresses. */
function addressProblems(env: Settings): string[] {
  return addressNames.flatMap((name) => {
    const address = env[name];
    if (address === undefined) return [];
    if (!URL.canParse(address))
      return [`${name}: its value is not a URL such as https://yourdomain.my.salesforce.com`];
    const { hostname } = new URL(address);
    const myDomain = myDomainOf(hostname);
    if (myDomain !== undefined)
      return [`${name}: ${hostname} serves the pages of Salesforce, not its API; use https://${myDomain}`];
    if (isConfidential(address)) return [];
    return [`${name}: http:// is allowed only for this machine; use https://${hostname}`];
  });
}

/** The My Domain of an address copied from the browser; undefined for an address of the API. */
function myDomainOf(hostname: string): string | undefined {
  const [, name] =
    /^(.+?)(?:\.my)?\.(?:lightning\.force\.com|lightning\.com|salesforce-setup\.com)$/.exec(hostname) ?? [];
  return name === undefined ? undefined : `${name}.my.salesforce.com`;
}

function tokenProblems({ SALESFORCE_ACCESS_TOKEN: token = '' }: Settings): string[] {
  if (/^bearer\b/i.test(token))
    return ['SALESFORCE_ACCESS_TOKEN: its value begins with "Bearer"; set the token alone'];
  if (/^[\x21-\x7e]*$/.test(token)) return [];
  return [
    'SALESFORCE_ACCESS_TOKEN: its value contains a space, a line break or another character that no token has',
  ];
}

function readSettingFile(name: string, file: string, problems: string[]): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    problems.push(`${name}: the file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    return undefined;
  }
}
