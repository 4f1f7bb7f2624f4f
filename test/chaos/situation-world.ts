import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import type { Caller } from 'salesforce-simulator/org/model.ts';
import { freePort } from '../../src/db/embedded-postgres.ts';
import { eventually } from '../helpers/eventually.ts';
import { openRestGate, type RestGate } from '../helpers/rest-gate.ts';
import { type SalesforceRest, salesforceRest } from '../helpers/salesforce-rest.ts';
import { startService } from '../helpers/service-process.ts';
import { type Operated, operate, operatorKey } from './operated-service.ts';
import { type PostgresServer, startPostgresServer } from './postgres-server.ts';

/** A database, a simulator behind a gate, and whatever processes a situation starts. */
export type SituationWorld = {
  readonly simulator: Simulator;
  readonly gate: RestGate;
  /** As an administrator; signs in again each time, since sessions may have ended. */
  salesforce(): SalesforceRest;
  /** Changes the description of one account without an event. */
  changeSilently(description: string): void;
  sql(statement: string): Promise<void>;
  /** Starts `src/main.ts` and waits until it listens or has ended. */
  start(settings?: Readonly<Record<string, string>>): Promise<Operated>;
  stop(): Promise<void>;
};

export type Worlds = { open(name: string): Promise<SituationWorld>; stop(): Promise<void> };

/** One PostgreSQL server with a database for each world. */
export async function startWorlds(): Promise<Worlds> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tidemark-situations-'));
  const postgres = await startPostgresServer(path.join(folder, 'postgres'), [
    'fsync=off',
    'max_connections=300',
  ]);
  const opened: SituationWorld[] = [];
  return {
    async open(name) {
      await postgres.rows(`create database ${name}`);
      const world = await openWorld(postgres, name);
      opened.push(world);
      return world;
    },
    async stop() {
      await Promise.all(opened.map((world) => world.stop()));
      await postgres.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function openWorld({ target, password }: PostgresServer, name: string): Promise<SituationWorld> {
  const databaseUrl = `postgres://postgres:${password}@127.0.0.1:${target.port}/${name}`;
  const gate = await openRestGate();
  const simulator = await startSimulator({ accounts: 20, publicUrl: gate.url });
  gate.forwardTo(simulator.instanceUrl);
  const started: Operated[] = [];
  const caller: Caller = {
    userId: simulator.org.named.admin.id,
    api: 'rest',
    apiVersion: '66.0',
    client: null,
  };
  return {
    simulator,
    gate,
    salesforce: () => salesforceRest(simulator),
    changeSilently(description) {
      const [{ id } = { id: '' }] = simulator.org.records();
      simulator.org.transaction(caller, (tx) => tx.update(id, { Description: description }), 'nothing');
    },
    async sql(statement) {
      const client = new pg.Client({ connectionString: databaseUrl });
      await client.connect();
      await client.query(statement).finally(() => client.end());
    },
    async start(settings = {}) {
      const port = await freePort();
      const service = operate(
        port,
        startService({
          DATABASE_URL: databaseUrl,
          SALESFORCE_LOGIN_URL: gate.url,
          SALESFORCE_CLIENT_ID: simulator.credentials.clientId,
          SALESFORCE_CLIENT_SECRET: simulator.credentials.clientSecret,
          PUBSUB_ENDPOINT: simulator.pubsubEndpoint,
          PUBSUB_TLS: 'false',
          API_KEYS: `operator:read+write:${operatorKey}`,
          PORT: String(port),
          ...settings,
        }),
      );
      started.push(service);
      if (settings['ROLES'] !== 'sync') await eventually('it listens', () => service.isListeningOrEnded());
      return service;
    },
    async stop() {
      await Promise.all(started.map((service) => service.stop()));
      await simulator.close();
      await gate[Symbol.asyncDispose]();
    },
  };
}
