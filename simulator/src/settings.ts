import type { SimulatorOptions } from './simulator-options.ts';

/** The settings of `npm run simulator`. Throws SettingError for a value that cannot be. */
export function readSettings(environment: Environment): SimulatorSettings {
  const integer = (name: string, fallback: number, most: number): number => {
    const text = environment[name] || String(fallback);
    const value = Number(text);
    if (/^\d+$/.test(text) && value <= most) return value;
    throw new SettingError(name, `must be a whole number from 0 to ${most}, not "${text}"`);
  };
  return {
    httpPort: integer('SIMULATOR_HTTP_PORT', 8080, 65_535),
    pubsubPort: integer('SIMULATOR_PUBSUB_PORT', 7443, 65_535),
    accounts: integer('SIMULATOR_ACCOUNTS', 200, 1_000_000),
    customFields: integer('SIMULATOR_CUSTOM_FIELDS', 0, 800),
    seed: integer('SIMULATOR_SEED', 1, 2 ** 31 - 1),
    bulkJobMs: integer('SIMULATOR_BULK_JOB_MS', 4, 3_600_000),
    tls: flag(environment, 'SIMULATOR_TLS'),
    webhooks: webhookSettings(environment),
  };
}

/** Whom the org sends webhooks to from its start. */
function webhookSettings(environment: Environment): WebhookTargets {
  const url = environment['SIMULATOR_WEBHOOK_URL'] || undefined;
  const secret = environment['SIMULATOR_WEBHOOK_SECRET'] || undefined;
  const messages = environment['SIMULATOR_OUTBOUND_MESSAGE_URL'] || undefined;
  if (url !== undefined && secret === undefined) {
    throw new SettingError('SIMULATOR_WEBHOOK_SECRET', 'is required with SIMULATOR_WEBHOOK_URL: whsec_…');
  }
  return {
    ...(url !== undefined && secret !== undefined && { relay: { url, secret } }),
    ...(messages !== undefined && { tell: { url: messages } }),
  };
}

/** One line that names the setting to change. */
export class SettingError extends Error {
  constructor(setting: string, reason: string) {
    super(`${setting} ${reason}`);
    this.name = 'SettingError';
  }
}

function flag(environment: Environment, name: string): boolean {
  const text = environment[name] || 'false';
  if (text === 'true' || text === 'false') return text === 'true';
  throw new SettingError(name, `must be true or false, not "${text}"`);
}

type Environment = Readonly<Record<string, string | undefined>>;

export type SimulatorSettings = Required<
  Pick<
    SimulatorOptions,
    'httpPort' | 'pubsubPort' | 'accounts' | 'customFields' | 'seed' | 'bulkJobMs' | 'tls'
  >
> & { readonly webhooks: WebhookTargets };

type WebhookTargets = {
  readonly relay?: { readonly url: string; readonly secret: string };
  readonly tell?: { readonly url: string };
};
