// The one file that chooses the embedded defaults: it alone knows the service and the sandbox org.
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../config.ts';
import { startEmbeddedPostgres } from '../db/embedded-postgres.ts';
import type { ApiKey } from '../http/dependencies.ts';
import type { SalesforceConfig } from '../read-salesforce.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { takeDataDir } from './data-dir.ts';

/** What the settings left open, provided. */
export type Provided = {
  readonly databaseUrl: string;
  readonly salesforce: SalesforceConfig;
  readonly apiKeys: readonly ApiKey[];
  /** The sandbox org, where no real one is configured. */
  readonly sandbox: Sandbox | undefined;
  stop(): Promise<void>;
};

/** Accounts in a sandbox org that starts for the first time. */
const sandboxAccounts = 200;

/**
 * Starts what is not configured: an embedded PostgreSQL, a sandbox org, an API key. All of it keeps its data in
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
      running.push(await takeDataDir(config.dataDir));
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
    let sandbox: Sandbox | undefined;
    if (salesforce === undefined) {
      sandbox = await startOrg(config);
      running.push(sandbox.close);
      salesforce = sandboxLogin(sandbox);
    }
    const apiKeys = config.apiKeys ?? [
      { name: 'local', scopes: ['read', 'write', 'admin'] as const, secret: await secret(config, 'api-key') },
    ];
    return { databaseUrl, salesforce, apiKeys, sandbox, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Beside the API's port where that is free, so that addresses stay the same from start to start. */
async function startOrg({ dataDir, host, port }: Config): Promise<Sandbox> {
  const options = { host, accounts: sandboxAccounts, journalFile: path.join(dataDir, 'sandbox-org.ndjson') };
  if (port === 0) return startSandbox(options);
  try {
    return await startSandbox({ ...options, httpPort: port + 1, pubsubPort: port + 2 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startSandbox(options);
  }
}

function sandboxLogin({ instanceUrl, pubsubEndpoint, credentials }: Sandbox): SalesforceConfig {
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
