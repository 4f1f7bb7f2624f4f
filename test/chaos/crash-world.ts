import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { freePort } from '../../src/db/embedded-postgres.ts';
import { eventually } from '../helpers/eventually.ts';
import { type FaultProxy, startFaultProxy } from '../helpers/fault-proxy.ts';
import { saveSecrets } from '../helpers/secrets-in-logs.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';
import { type SupervisedService, superviseService } from './service-supervisor.ts';

/** The service as a process of its own, with a proxy on each of its three connections. */
export type CrashWorld = {
  readonly simulator: Simulator;
  readonly postgres: PostgresServer;
  readonly service: SupervisedService;
  /** Starts one more process on the same database and org, with a port of its own; sessions of the database tell its name. */
  startAnother(name?: string): Promise<SupervisedService>;
  readonly proxies: { readonly database: FaultProxy; readonly rest: FaultProxy; readonly stream: FaultProxy };
  /** GET with a key; throws unless the answer is a success. */
  get<T>(path: string): Promise<T>;
  /** Requests a resync and returns its id. */
  order(body: object): Promise<string>;
  stop(): Promise<void>;
};

/** What it takes to wait for a world and to compare its two sides. */
export type ComparableWorld = {
  readonly simulator: Simulator;
  readonly postgres: Pick<PostgresServer, 'rows'>;
  readonly service: Pick<SupervisedService, 'isReady'>;
  get<T>(path: string): Promise<T>;
};

export type CrashWorldOptions = {
  /** Accounts in the org before the service starts for the first time. */
  readonly accounts: number;
  /** Folder of the database; a temporary one by default. */
  readonly postgresFolder?: string;
  readonly postgresSettings?: readonly string[];
  /** Settings of the service in addition to its addresses. */
  readonly serviceSettings?: Readonly<Record<string, string>>;
};

export const crashSecret = 'tdm_test_key_of_the_crash_test';

/** Starts everything on loopback and waits until the service is ready. */
export async function startCrashWorld(options: CrashWorldOptions): Promise<CrashWorld> {
  const running: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const stopOne of running.splice(0).reverse()) await stopOne();
  };
  try {
    const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-crash-'));
    running.push(() => rm(folder, { recursive: true, force: true }));
    const postgres = await startPostgresServer(
      options.postgresFolder ?? path.join(folder, 'postgres'),
      options.postgresSettings,
    );
    running.push(() => postgres.stop());
    const { simulator, rest } = await startOrgBehindProxy(options.accounts);
    running.push(simulator.close, rest.close);
    const stream = await startFaultProxy(() => addressOf(`http://${simulator.pubsubEndpoint}`));
    const database = await startFaultProxy(() => postgres.target);
    running.push(stream.close, database.close);
    saveSecrets(crashSecret, postgres.password, simulator.credentials.clientSecret);
    const settings = {
      SALESFORCE_LOGIN_URL: `http://127.0.0.1:${rest.port}`,
      SALESFORCE_CLIENT_ID: simulator.credentials.clientId,
      SALESFORCE_CLIENT_SECRET: simulator.credentials.clientSecret,
      PUBSUB_ENDPOINT: `127.0.0.1:${stream.port}`,
      PUBSUB_TLS: 'false',
      API_KEYS: `crash-test:read+write:${crashSecret}`,
      // Readers look as often as they can.
      RATE_LIMIT_PER_MINUTE: '0',
      LOG_LEVEL: 'debug',
      DRAIN_MS: '0',
      ...options.serviceSettings,
    };
    const databaseUrl = `postgres://postgres:${postgres.password}@127.0.0.1:${database.port}/tidemark`;
    const startOne = async (name = 'another'): Promise<SupervisedService> => {
      // The service keeps its port from start to start, so it is chosen here.
      const one = superviseService(await freePort(), {
        DATABASE_URL: `${databaseUrl}?options=${encodeURIComponent(`-c tidemark.instance=${name}`)}`,
        INSTANCE_NAME: name,
        ...settings,
      });
      running.push(() => one.stop());
      return one;
    };
    const service = await startOne('first');
    await eventually('the service is ready', service.isReady, 60_000).catch((error: Error) => {
      throw new Error(`${error.message}: ${service.ownEnds.at(-1)?.lastWords ?? 'it did not end'}`);
    });
    return {
      simulator,
      postgres,
      service,
      startAnother: startOne,
      proxies: { database, rest, stream },
      get: (resource) => getJson(`${service.url}${resource}`),
      order: (body) => orderResync(service.url, body),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The org tells clients the address of the proxy as its own, so that every REST call goes through it. */
async function startOrgBehindProxy(accounts: number): Promise<{ simulator: Simulator; rest: FaultProxy }> {
  let org = { host: '127.0.0.1', port: 0 };
  const rest = await startFaultProxy(() => org);
  const simulator = await startSimulator({
    accounts,
    publicUrl: `http://127.0.0.1:${rest.port}`,
    keepaliveIntervalMs: 1_000,
    dailyApiRequests: 10_000_000,
  });
  org = addressOf(simulator.instanceUrl);
  return { simulator, rest };
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

export async function getJson<T>(url: string, limitMs = 10_000): Promise<T> {
  const answer = await fetch(url, {
    headers: { authorization: `Bearer ${crashSecret}` },
    signal: AbortSignal.timeout(limitMs),
  });
  if (!answer.ok) throw new Error(`GET ${url}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

export async function orderResync(url: string, body: object): Promise<string> {
  const answer = await fetch(`${url}/v1/resyncs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${crashSecret}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  if (!answer.ok) throw new Error(`POST /v1/resyncs: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { id: string }).id;
}
