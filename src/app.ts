import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { type CodeOptions, codeRules } from './codes/code-rules.ts';
import { checkSession } from './db/check-session.ts';
import { checkTables, readColumns } from './db/check-tables.ts';
import { type Database, openDatabase } from './db/database.ts';
import { type Jobs, startJobs } from './db/jobs.ts';
import { locateDatabase } from './db/locate-database.ts';
import { logFailure } from './db/log-failure.ts';
import { migrate } from './db/migrate.ts';
import { prepareQueueSchema } from './db/queue-schema.ts';
import { openReplica, type Replica } from './db/replica.ts';
import { pinSession } from './db/session-options.ts';
import { databaseWaiter } from './db/wait-for-database.ts';
import { listenForWakeUps, type WakeUps } from './db/wake-up.ts';
import { checkHealth } from './health/check-health.ts';
import { createDatabaseOutageReporter } from './health/database-outage.ts';
import { createProcessFaults } from './health/process-faults.ts';
import { readEvent } from './history/read-event.ts';
import type { ApiKey } from './http/api-key.ts';
import { readCursorKey } from './http/plugins/signed-cursors.ts';
import type { WebhookSenders } from './http/routes/webhooks/webhook-senders.ts';
import { createServer } from './http/server.ts';
import type { AccessOptions, HttpDependencies } from './http/server-types.ts';
import { mirroredFields } from './ingest/mirrored-fields.ts';
import { readNewestSchemaId, storedSchemas } from './ingest/stored-schemas.ts';
import { isLoaded } from './ingest/subscription-rows.ts';
import { endsStart, verifyOrg } from './ingest/verify-org.ts';
import { retentionPolicy } from './maintenance/retention-policy.ts';
import { type Pipeline, type PipelineOptions, startPipeline } from './pipeline.ts';
import type { Schedules } from './resync/schedules.ts';
import { type Org, type OrgOptions, openOrg } from './salesforce/org.ts';
import { connectOrg, type OrgConnection } from './salesforce/org-connection.ts';
import { createSchemaCache, type SchemaCache } from './salesforce/schema-cache.ts';
import { defaultTiming, type Timing } from './timing.ts';
import { assignCode } from './write-back/assign-code.ts';
import { defaultRetryPolicy, type RetryPolicy } from './write-back/judge-result.ts';

export type AppOptions = {
  readonly databaseUrl: string;
  /** A streaming replica that the API reads from. */
  readonly replicaUrl?: string | undefined;
  readonly org: OrgOptions;
  readonly apiKeys: readonly ApiKey[];
  /** Limits, tokens, proxies; each off unless given. */
  readonly access?: AccessOptions;
  readonly topic: string;
  readonly replayPreset: 'latest' | 'earliest';
  readonly quietMs: number;
  readonly codeField: string;
  /** Paths of the fields that accounts may be filtered by; none unless told. */
  readonly indexedFields?: readonly string[];
  readonly backfill: boolean;
  /** From so many records on, a resync reads by a bulk job; 10,000 unless told. */
  readonly bulkFrom?: number;
  /** Waits that differ from the usual ones. */
  readonly timing?: Partial<Timing>;
  /** When the mirror is compared with Salesforce by itself. */
  readonly schedules?: Schedules;
  /** How codes look and who gets them, where that is not as usual. */
  readonly codes?: CodeOptions;
  /** Milliseconds that a write-back waits for more codes before it sends a batch; 200 by default. */
  readonly collectMs?: number;
  readonly retryPolicy?: RetryPolicy;
  /** How long applied events stay; 0, or undefined, is for ever. */
  readonly eventRetentionDays?: number;
  /** Who may send webhooks; nobody unless told. */
  readonly webhooks?: WebhookSenders;
  readonly roles: ReadonlySet<'api' | 'sync'>;
  /** How this process is named to people; the host unless told. */
  readonly instanceName?: string | undefined;
  /** Aborted when the process is about to stop: the mirror stops at once, the API goes on until the server is closed. */
  readonly stopping?: AbortSignal;
  readonly logger: Logger;
};

/**
 * Puts the service together: database, Salesforce, pipeline, HTTP. The server that it answers starts the pipeline
 * when it is made ready and frees everything when it is closed.
 *
 * @throws if a setting is wrong, or the database stays away; an org that is away is waited for in the background
 */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { logger } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const onceThere = databaseWaiter(timing.databaseStartTimeoutMs, logger);
  const address = await onceThere(() => locateDatabase(options.databaseUrl)).catch(blameDatabase);
  const faults = createProcessFaults();
  const onError = (error: Error): void => logFailure(logger, error, 'a database connection broke');
  // Two pools: slow readers of the API can't keep the mirror from its connections.
  const syncDatabase = openDatabase({
    ...address,
    max: 6,
    applicationName: 'tidemark sync',
    onError,
  });
  const apiDatabase = openDatabase({
    ...address,
    max: 10,
    applicationName: 'tidemark api',
    onError,
  });
  const opened: (() => Promise<void>)[] = [() => syncDatabase.close(), () => apiDatabase.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.reverse())
      await close().catch((error: Error) => logger.warn({ err: error }, 'something was not closed in order'));
  };
  try {
    const columns = await onceThere(() => prepareDatabase(syncDatabase, logger)).catch(blameDatabase);
    const jobs = await onceThere(async () => {
      const schema = await prepareQueueSchema(syncDatabase.pool, address.schema);
      return startJobs(address.url, logger, { schema });
    }).catch(blameDatabase);
    opened.push(() => jobs.stop());
    const salesforce = connectOrg(() => openVerifiedOrg(options, timing, syncDatabase), logger);
    opened.push(async () => salesforce.close());
    const schemas = createSchemaCache(storedSchemas(syncDatabase.pool), async (id) =>
      salesforce.require().pubsub.getSchema(id),
    );
    const outage = createDatabaseOutageReporter(faults, logger);
    const wakeUps = listenForWakeUps(address.url, outage.failed, undefined, outage.connected);
    opened.push(() => wakeUps.close());
    const replica = startReplica(options, address.schema, syncDatabase, onError);
    opened.push(async () => replica?.close());
    const http = httpDependencies(options, apiDatabase, schemas, jobs, wakeUps);
    const health = () =>
      checkHealth({
        pool: apiDatabase.pool,
        topic: options.topic,
        faults,
        columns,
        queueSchema: jobs.schema,
        graceMs: timing.outageGraceMs,
        replicaServes: () => replica?.serves(),
        clockAheadMs: () => salesforce.org?.clockAheadMs() ?? null,
      });
    const app = await createServer({ ...http, replica, health });
    app.addHook('onClose', closeAll);
    if (options.roles.has('sync')) {
      runPipeline(app, options.stopping, {
        pool: syncDatabase.pool,
        databaseUrl: address.url,
        topic: options.topic,
        salesforce,
        schemas,
        jobs,
        wakeUps,
        instance: { name: options.instanceName ?? hostname(), host: hostname(), pid: process.pid },
        faults,
        codeSettings: { ...options.codes, field: options.codeField, backfill: options.backfill },
        retryPolicy: options.retryPolicy ?? defaultRetryPolicy,
        collectMs: options.collectMs ?? 200,
        replayPreset: options.replayPreset,
        quietMs: options.quietMs,
        bulkFrom: options.bulkFrom ?? 10_000,
        retention: retentionPolicy(options.eventRetentionDays ?? 0),
        schedules: options.schedules ?? {},
        indexedFields: options.indexedFields ?? [],
        timing,
        logger,
      });
    }
    await expectUsableOrg(salesforce, options.topic, timing, syncDatabase);
    return app;
  } catch (error) {
    await closeAll();
    throw error;
  }
}

/** Starts the pipeline when the server is ready, and stops it before the resources of the server are freed. */
function runPipeline(
  app: FastifyInstance,
  stopping: AbortSignal | undefined,
  options: PipelineOptions,
): void {
  let pipeline: Pipeline | undefined;
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopped ??= pipeline?.stop();
    await stopped;
  };
  app.addHook('onReady', async () => {
    pipeline = await startPipeline(options);
  });
  // A failure is reported when the server closes.
  stopping?.addEventListener('abort', () => void stop().catch(() => {}), { once: true });
  app.addHook('onClose', stop);
}

/** @throws SalesforceError if the org cannot be used, for now or until a setting is corrected */
async function openVerifiedOrg(
  { org: orgOptions, roles, topic, codes }: AppOptions,
  timing: Timing,
  { pool }: Database,
): Promise<Org> {
  const org = await openOrg({ ...orgOptions, timing });
  try {
    // A process that only serves the API follows nothing.
    if (roles.has('sync')) await verifyOrg(pool, org, { topic, filter: codes?.filter ?? null });
    return org;
  } catch (error) {
    org.close();
    throw error;
  }
}

/** @throws SalesforceError if the first answer of Salesforce shows that a setting is wrong */
async function expectUsableOrg(
  { firstFailure }: OrgConnection,
  topic: string,
  { salesforceStartTimeoutMs }: Timing,
  { pool }: Database,
): Promise<void> {
  const late = pause(salesforceStartTimeoutMs, undefined, { ref: false });
  const failure = await Promise.race([firstFailure, late]);
  if (failure !== undefined && endsStart(failure, await isLoaded(pool, topic))) throw failure;
}

function blameDatabase(error: Error): never {
  const reason = error.message || (error as NodeJS.ErrnoException).code;
  throw new Error(`DATABASE_URL: ${reason}`, { cause: error });
}

/** The primary is asked by the pool that no reader of the API can hold up. */
function startReplica(
  { replicaUrl, roles }: AppOptions,
  schema: string,
  { pool: primary }: Database,
  onError: (error: Error) => void,
): Replica | undefined {
  if (replicaUrl === undefined || !roles.has('api')) return undefined;
  return openReplica({ url: pinSession(replicaUrl, schema), schema, primary, onError });
}

/** @returns the columns that there are */
async function prepareDatabase({ pool, prisma }: Database, logger: Logger): Promise<string[]> {
  await checkSession(pool);
  await migrate(pool, (names) =>
    logger.warn(
      { migrations: names },
      'a newer version has migrated the database; this one goes on beside it',
    ),
  );
  await checkTables(prisma);
  // Made while the database surely takes writes.
  await readCursorKey(pool);
  return readColumns(pool);
}

function httpDependencies(
  {
    topic,
    codeField,
    codes,
    apiKeys,
    access = {},
    logger,
    indexedFields = [],
    stopping,
    webhooks,
    roles,
  }: AppOptions,
  { prisma, pool }: Database,
  schemas: SchemaCache,
  jobs: Jobs,
  wakeUps: WakeUps,
): Omit<HttpDependencies, 'health'> {
  const { generate } = codeRules({ ...codes, field: codeField });
  const fields = mirroredFields(pool, schemas);
  return {
    prisma,
    pool,
    apiKeys,
    access,
    topic,
    logger,
    signupCodeField: codeField,
    indexedFields,
    stopping,
    version,
    decodeEvents: (rows) => Promise.all(rows.map((row) => readEvent(schemas, row))),
    fieldNames: async () => (await fields()).names,
    fieldParts: async () => (await fields()).parts,
    ...(webhooks && { webhooks }),
    newestSchemaId: () => readNewestSchemaId(pool),
    schemaFields: async (id) => (await schemas.get(id)).entityFields,
    enqueueResync: jobs.enqueueResync,
    wakeUps,
    requestSignupCode: (client, request) => assignCode(client, generate, request),
    hasSyncRole: roles.has('sync'),
  };
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
