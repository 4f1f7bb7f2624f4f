import envSchema from 'env-schema';
import type { Static } from 'typebox';
import { type CodeFilter, parseCodeFilter } from '../codes/code-filter.ts';
import { type CodeFormat, formatProblems } from '../codes/code-format.ts';
import type { CodeOptions } from '../codes/code-rules.ts';
import type { ProxySettings } from '../egress/proxy-rule.ts';
import type { ApiKey } from '../http/api-key.ts';
import type { WebhookSenders } from '../http/routes/webhooks/webhook-senders.ts';
import type { AccessOptions, SettingValue } from '../http/server-types.ts';
import { minEventDays } from '../maintenance/retention-policy.ts';
import { fieldPath } from '../mirror/field-indexes.ts';
import type { NotifyOptions } from '../operations/notify.ts';
import type { Schedules } from '../resync/schedules.ts';
import { ConfigError } from './config-error.ts';
import { findMisspelledSettings } from './misspelled-settings.ts';
import { parseAccess } from './parse-access.ts';
import { parseApiKeys } from './parse-api-keys.ts';
import { parseCron } from './parse-cron.ts';
import { parseNotify } from './parse-notify.ts';
import { parseProxy } from './parse-proxy.ts';
import { isSalesforceSetting, parseSalesforce, type SalesforceConfig } from './parse-salesforce.ts';
import { parseWebhookSenders } from './parse-webhook-senders.ts';
import { settingValues } from './setting-values.ts';
import { settings } from './settings.ts';

export type LogFormat = Static<typeof settings>['LOG_FORMAT'];

/** The settings of this process. The embedded defaults replace undefined settings. */
export type Config = {
  readonly databaseUrl: string | undefined;
  readonly replicaUrl: string | undefined;
  readonly dataDir: string;
  readonly salesforce: SalesforceConfig | undefined;
  readonly proxy: ProxySettings;
  readonly salesforceApiVersion: string;
  readonly apiReservePercent: number;
  readonly bulkFrom: number;
  readonly topic: string;
  readonly replayPreset: 'latest' | 'earliest';
  readonly quietMs: number;
  readonly mirrorSchema: string;
  readonly codeField: string;
  readonly backfill: boolean;
  readonly schedules: Schedules;
  readonly codes: Required<CodeOptions>;
  readonly collectMs: number;
  readonly indexedFields: readonly string[];
  readonly calculatedFields: readonly string[];
  readonly eventRetentionDays: number;
  readonly host: string;
  readonly port: number;
  readonly apiKeys: readonly ApiKey[] | undefined;
  readonly access: AccessOptions;
  readonly webhooks: WebhookSenders;
  readonly notify: NotifyOptions;
  readonly settings: readonly SettingValue[];
  readonly roles: ReadonlySet<'api' | 'sync'>;
  readonly instanceName: string | undefined;
  readonly drainMs: number;
  readonly logLevel: string;
  /** `auto`: pretty on a terminal, otherwise JSON. */
  readonly logFormat: LogFormat;
};

export type MigrationConfig = Pick<Config, 'mirrorSchema' | 'codeField'> & { readonly databaseUrl: string };

/**
 * The only reader of the environment. An empty variable counts as unset.
 * @throws ConfigError with all invalid settings
 */
export function loadConfig(environment: NodeJS.ProcessEnv): Config {
  const env = parseSettings(environment);
  const problems = misspellings(environment);
  const collectProblems = <T>(parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const salesforce = collectProblems(() => parseSalesforce(env));
  const isAlone = salesforce === undefined && env.OIDC_ISSUER === undefined && env.NOTIFY_URLS === undefined;
  const proxy = (isAlone ? undefined : collectProblems(() => parseProxy(environment))) ?? {};
  const keys = env.API_KEYS;
  const schedules = collectProblems(() => parseSchedules(env)) ?? {};
  const apiKeys = collectProblems(() => (keys === undefined ? undefined : parseApiKeys(keys)));
  const access = collectProblems(() => parseAccess(env)) ?? {};
  if (keys === undefined && salesforce !== undefined) {
    const hint = environment['API_KEY'] ? ' (API_KEY is set: its name is API_KEYS)' : '';
    problems.push(
      `API_KEYS is required with a Salesforce org, for example ops:read+write:<a long random secret>${hint}`,
    );
  }
  problems.push(...simulatorProblems(env), ...topicProblems(env));
  if (environment['NODE_TLS_REJECT_UNAUTHORIZED'] === '0' && salesforce !== undefined) {
    problems.push(
      'NODE_TLS_REJECT_UNAUTHORIZED: "0" disables the verification of the Salesforce certificate; set NODE_EXTRA_CA_CERTS or PUBSUB_CA_FILE to trust a certificate authority',
    );
  }
  const format = codeFormat(env);
  problems.push(...formatProblems(format));
  const filter = collectProblems(() => codeFilter(env)) ?? null;
  const calculatedFields = collectProblems(() => parseCalculatedFields(env)) ?? [];
  const indexedFields = collectProblems(() => parseIndexedFields(env)) ?? [];
  if (env.EVENT_RETENTION_DAYS > 0 && env.EVENT_RETENTION_DAYS < minEventDays) {
    problems.push(
      `EVENT_RETENTION_DAYS: "${env.EVENT_RETENTION_DAYS}" must be 0 or at least ${minEventDays}: the event bus may redeliver events for this time`,
    );
  }
  const webhooks = collectProblems(() => parseWebhookSenders(env)) ?? noWebhooks;
  const notify = collectProblems(() => parseNotify(env)) ?? { urls: [] };
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    databaseUrl: env.DATABASE_URL,
    replicaUrl: env.DATABASE_REPLICA_URL,
    dataDir: env.DATA_DIR,
    salesforce,
    proxy,
    salesforceApiVersion: env.SALESFORCE_API_VERSION,
    apiReservePercent: env.API_RESERVE_PERCENT,
    bulkFrom: env.RESYNC_BULK_FROM,
    topic: env.CDC_TOPIC,
    replayPreset: env.REPLAY_PRESET,
    quietMs: env.QUIET_MS,
    mirrorSchema: env.MIRROR_SCHEMA,
    codeField: env.SIGNUP_CODE_FIELD,
    backfill: env.SIGNUP_CODE_BACKFILL,
    schedules,
    codes: { format, filter, restore: env.SIGNUP_CODE_RESTORE },
    collectMs: env.WRITE_BACK_GATHER_MS,
    indexedFields,
    calculatedFields,
    eventRetentionDays: env.EVENT_RETENTION_DAYS,
    host: env.HOST,
    port: env.PORT,
    apiKeys,
    access,
    webhooks,
    notify,
    settings: settingValues(environment),
    roles: new Set(env.ROLES.split(',') as ('api' | 'sync')[]),
    instanceName: env.INSTANCE_NAME,
    drainMs: env.DRAIN_MS,
    logLevel: env.LOG_LEVEL,
    logFormat: env.LOG_FORMAT,
  };
}

const noWebhooks: WebhookSenders = { signingKeys: [], outboundMessages: undefined };

/**
 * The settings of `npm run migrate`.
 * @throws ConfigError
 */
export function loadMigrationConfig(environment: NodeJS.ProcessEnv): MigrationConfig {
  const { DATABASE_URL: url, MIRROR_SCHEMA, SIGNUP_CODE_FIELD } = parseSettings(environment);
  const problems = misspellings(environment);
  if (url === undefined) problems.push('DATABASE_URL is required to migrate a database');
  if (url === undefined || problems.length > 0) throw new ConfigError(problems);
  return { databaseUrl: url, mirrorSchema: MIRROR_SCHEMA, codeField: SIGNUP_CODE_FIELD };
}

function misspellings(environment: NodeJS.ProcessEnv): string[] {
  const present = Object.entries(environment).flatMap(([name, value]) => (value ? [name] : []));
  return findMisspelledSettings(present, Object.keys(settings.properties)).map(
    ({ name, suggestions }) =>
      `${name} is not a setting; did you mean ${suggestions.join(' or ')}? Rename it or unset it`,
  );
}

/** The simulator fills the database with generated accounts, so a DATABASE_URL needs an explicit SIMULATOR=true. */
function simulatorProblems(env: Settings): string[] {
  const isConnected = Object.entries(env).some(([name, value]) => isSalesforceSetting(name, value));
  if (isConnected || env.SIMULATOR === true) return [];
  if (env.DATABASE_URL === undefined && env.SIMULATOR === undefined) return [];
  const cause = env.DATABASE_URL === undefined ? 'SIMULATOR=false' : 'DATABASE_URL';
  return [
    `SALESFORCE_LOGIN_URL is required with ${cause} (for example https://yourdomain.my.salesforce.com); to try Tidemark with the simulator instead, set SIMULATOR=true`,
  ];
}

/** Any other topic could be followed without an error, but would contain no changes of accounts. */
function topicProblems({ CDC_TOPIC: topic }: Settings): string[] {
  if (/^\/data\/(AccountChangeEvent|ChangeEvents|\w+__chn)$/.test(topic)) return [];
  return [
    `CDC_TOPIC: "${topic}" does not carry changes of Account; use /data/AccountChangeEvent, /data/ChangeEvents or a custom channel such as /data/Name__chn`,
  ];
}

function codeFormat(env: Settings): CodeFormat {
  const { SIGNUP_CODE_ALPHABET: alphabet, SIGNUP_CODE_LENGTH: length, SIGNUP_CODE_PREFIX: prefix = '' } = env;
  return { alphabet, length, prefix };
}

function codeFilter({ SIGNUP_CODE_FILTER: filter }: Settings): CodeFilter | null {
  if (filter === undefined) return null;
  try {
    return parseCodeFilter(filter);
  } catch (error) {
    throw new ConfigError([`SIGNUP_CODE_FILTER: ${(error as Error).message}`]);
  }
}

function parseIndexedFields({ INDEXED_FIELDS: text = '' }: Settings): string[] {
  const paths = text.split(',').map((path) => path.trim());
  const fields = [...new Set(paths.filter((path) => path !== ''))];
  const invalid = fields.find((path) => !fieldPath.test(path));
  if (invalid === undefined) return fields;
  throw new ConfigError([
    `INDEXED_FIELDS names "${invalid}", which is not an API name such as Industry or BillingAddress.City`,
  ]);
}

function parseCalculatedFields({ CALCULATED_FIELDS: text = '' }: Settings): string[] {
  const names = text.split(',').map((name) => name.trim());
  const fields = [...new Set(names.filter((name) => name !== ''))];
  const invalid = fields.find((name) => !/^[A-Za-z][A-Za-z0-9_]*$/.test(name));
  if (invalid === undefined) return fields;
  throw new ConfigError([`CALCULATED_FIELDS names "${invalid}", which is not an API name such as Score__c`]);
}

type Settings = Static<typeof settings>;

function parseSettings(environment: NodeJS.ProcessEnv): Settings {
  const data = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  try {
    return envSchema<Settings>({ schema: settings, data, env: false });
  } catch (error) {
    const { errors } = error as { errors?: readonly AjvProblem[] };
    if (errors === undefined) throw error;
    const lines = new Map(errors.map((problem) => [problem.instancePath, settingProblem(problem, data)]));
    throw new ConfigError([...lines.values()]);
  }
}

type AjvProblem = { readonly instancePath: string; readonly message?: string };

/** Names the setting and the allowed values; values that may be secrets are not included. */
function settingProblem(
  { instancePath, message }: AjvProblem,
  data: Readonly<Record<string, unknown>>,
): string {
  const name = instancePath.slice(1);
  const schema = Object.entries(settings.properties).find(([known]) => known === name)?.[1];
  const choices =
    schema !== undefined && 'anyOf' in schema ? schema.anyOf.map(({ const: value }) => value) : undefined;
  const secret = /SECRET|KEY|TOKEN|URL/.test(name);
  const shown = secret ? 'its value' : `"${String(data[name])}"`;
  const expected =
    choices === undefined ? (message ?? 'is not valid') : `must be one of ${choices.join(', ')}`;
  return `${name}: ${shown} ${expected} (${schema !== undefined && 'description' in schema ? schema.description : ''})`;
}

function parseSchedules(env: Settings): Schedules {
  const { VERIFY_SCHEDULE: verify, SAMPLE_SCHEDULE: sample, CALCULATED_FIELDS_SCHEDULE: calculated } = env;
  return {
    ...(verify === undefined ? {} : { verify: parseCron('VERIFY_SCHEDULE', verify) }),
    ...(sample === undefined ? {} : { sample: parseCron('SAMPLE_SCHEDULE', sample) }),
    ...(env.CALCULATED_FIELDS === undefined
      ? {}
      : { calculated: parseCron('CALCULATED_FIELDS_SCHEDULE', calculated) }),
  };
}
