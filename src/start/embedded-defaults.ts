// The one file that knows both the service and the simulator.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Simulator, startSimulator } from 'salesforce-simulator';
import type { Config } from '../config/config.ts';
import { ConfigError } from '../config/config-error.ts';
import type { SalesforceConfig } from '../config/parse-salesforce.ts';
import { startEmbeddedPostgres } from '../db/embedded-postgres.ts';
import type { ApiKey } from '../http/api-key.ts';
import { lockDataDir } from './data-dir.ts';

/** What the settings left open, provided. */
export type Provided = {
  readonly databaseUrl: string;
  readonly salesforce: SalesforceConfig;
  readonly apiKeys: readonly ApiKey[];
  /** The simulator, where no real one is configured. */
  readonly simulator: Simulator | undefined;
  stop(): Promise<void>;
};

/** Accounts in a simulator that starts for the first time. */
const simulatorAccounts = 200;

/**
 * Starts what is not configured: an embedded PostgreSQL, a simulator, an API key. All of it keeps its data in
 * DATA_DIR, so that the next start goes on where this one ends.
 */
export async function provideDefaults(config: Config): Promise<Provided> {
  const running: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of running.reverse()) await stopOne();
  };
  try {
    // Where nothing is embedded, nothing is kept here.
    if (config.databaseUrl === undefined || config.salesforce === undefined) {
      running.push(await lockDataDir(config.dataDir));
    }
    let { databaseUrl } = config;
    if (databaseUrl === undefined) {
      const folder = path.join(config.dataDir, 'postgres');
      const postgres = await startEmbeddedPostgres({
        folder,
        password: await secret(config, 'postgres-password'),
      });
      running.push(() => postgres.stop());
      databaseUrl = postgres.url;
    }
    let { salesforce } = config;
    let simulator: Simulator | undefined;
    if (salesforce === undefined) {
      simulator = await startOrg(config);
      running.push(simulator.close);
      salesforce = simulatorLogin(simulator);
    }
    const apiKeys = config.apiKeys ?? [
      { name: 'local', scopes: ['read', 'write', 'admin'] as const, secret: await secret(config, 'api-key') },
    ];
    return { databaseUrl, salesforce, apiKeys, simulator, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Beside the API's port where that is free, so that addresses stay the same from start to start. */
async function startOrg({ dataDir, host, port }: Config): Promise<Simulator> {
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
 * The simulator is a package of its own, which an image for production does not contain.
 * @throws ConfigError without it
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

/** A secret that is made once and kept in DATA_DIR. */
async function secret({ dataDir }: Config, name: string): Promise<string> {
  const file = path.join(dataDir, name);
  const kept = await readFile(file, 'utf8').catch(() => '');
  if (kept !== '') return kept.trim();
  const made = `tdm_${randomBytes(24).toString('base64url')}`;
  await writeFile(file, `${made}\n`, { mode: 0o600 });
  return made;
}
