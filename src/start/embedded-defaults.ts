// The only file that imports both the service and the simulator.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Logger } from 'pino';
import type { Simulator, startSimulator } from 'salesforce-simulator';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import type { SalesforceConfig } from '../config/parse-salesforce.ts';
import { startEmbeddedPostgres } from '../db/embedded-postgres.ts';
import type { ApiKey } from '../http/api-key.ts';
import { lockDataDir } from './data-dir.ts';

/** The services that the settings select or that were started as embedded defaults. */
export type Provided = {
  readonly databaseUrl: string;
  readonly salesforce: SalesforceConfig;
  readonly apiKeys: readonly ApiKey[];
  /** The key that was generated because none is configured. */
  readonly generatedKey: string | undefined;
  /** The simulator, if no Salesforce org is configured. */
  readonly simulator: Simulator | undefined;
  stop(): Promise<void>;
};

/** The number of accounts in a new simulator. */
const simulatorAccounts = 200;

/** Starts or generates what is not configured: PostgreSQL, a simulator, an API key. Their data is kept in DATA_DIR. */
export async function provideDefaults(config: Config, logger: Logger): Promise<Provided> {
  const running: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of running.reverse()) await stopOne();
  };
  try {
    // DATA_DIR is used only by embedded services.
    if (config.databaseUrl === undefined || config.salesforce === undefined) {
      running.push(await lockDataDir(config.dataDir));
    }
    let { databaseUrl } = config;
    if (databaseUrl === undefined) {
      const folder = path.join(config.dataDir, 'postgres');
      const postgres = await startEmbeddedPostgres({
        folder,
        password: await readOrCreateSecret(config, 'postgres-password'),
        restart: {
          onEnded: () => logger.warn('the embedded PostgreSQL ended; restarting'),
          onRestarted: () => logger.info('the embedded PostgreSQL runs again'),
        },
      });
      running.push(() => postgres.stop());
      databaseUrl = postgres.url;
    }
    let { salesforce } = config;
    let simulator: Simulator | undefined;
    if (salesforce === undefined) {
      simulator = await startEmbeddedSimulator(config);
      running.push(simulator.close);
      salesforce = simulatorLogin(simulator);
    }
    const generatedKey =
      config.apiKeys === undefined ? await readOrCreateSecret(config, 'api-key') : undefined;
    const apiKeys = config.apiKeys ?? [localKey(generatedKey ?? '')];
    return { databaseUrl, salesforce, apiKeys, generatedKey, simulator, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function localKey(secret: string): ApiKey {
  return { name: 'local', scopes: ['read', 'write', 'admin'], secret };
}

/** Uses the ports after PORT if they are free, so that addresses do not change between starts. */
async function startEmbeddedSimulator({ dataDir, host, port }: Config): Promise<Simulator> {
  const options = { host, accounts: simulatorAccounts, journalFile: path.join(dataDir, 'simulator.ndjson') };
  const start = await loadSimulator();
  if (port === 0) return start(options);
  try {
    return await start({ ...options, httpPort: port + 1, pubsubPort: port + 2 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return start(options);
  }
}

/**
 * The simulator is a separate package, which the production image does not contain.
 * @throws ConfigError if it is not installed
 */
async function loadSimulator(): Promise<typeof startSimulator> {
  try {
    return (await import('salesforce-simulator')).startSimulator;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new ConfigError([
      'SALESFORCE_LOGIN_URL is required: this installation has no Salesforce simulator',
    ]);
  }
}

function simulatorLogin({ instanceUrl, pubsubEndpoint, credentials }: Simulator): SalesforceConfig {
  const { clientId, clientSecret } = credentials;
  return {
    loginUrl: instanceUrl,
    credentials: { flow: 'client-credentials', clientId, clientSecret },
    pubsubEndpoint,
    pubsubTls: false,
  };
}

/** Reads a secret from DATA_DIR, and generates it if it does not exist. */
async function readOrCreateSecret({ dataDir }: Config, name: string): Promise<string> {
  const file = path.join(dataDir, name);
  const stored = await readFile(file, 'utf8').catch(() => '');
  if (stored !== '') return stored.trim();
  const created = `tdm_${randomBytes(24).toString('base64url')}`;
  await writeFile(file, `${created}\n`, { mode: 0o600 });
  return created;
}
