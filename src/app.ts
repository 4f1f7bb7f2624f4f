import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import type { AppOptions } from './app-options.ts';
import { checkSession } from './db/check-session.ts';
import { checkTables, readColumns } from './db/check-tables.ts';
import { type Database, openDatabase } from './db/database.ts';
import { startJobs } from './db/jobs.ts';
import { locateDatabase } from './db/locate-database.ts';
import { logFailure } from './db/log-failure.ts';
import { migrate } from './db/migrate.ts';
import { prepareQueueSchema } from './db/queue-schema.ts';
import { openReplica, type Replica } from './db/replica.ts';
import { pinSession } from './db/session-options.ts';
import { databaseWaiter } from './db/wait-for-database.ts';
import { listenForWakeUps } from './db/wake-up.ts';
import { checkHealth } from './health/check-health.ts';
import { createDatabaseOutageReporter } from './health/database-outage.ts';
import { createProcessFaults } from './health/process-faults.ts';
import { readCursorKey } from './http/plugins/signed-cursors.ts';
import { createServer } from './http/server.ts';
import { httpDependencies } from './http-dependencies.ts';
import { storedSchemas } from './ingest/stored-schemas.ts';
import { isLoaded } from './ingest/subscription-rows.ts';
import { endsStart, verifyOrg } from './ingest/verify-org.ts';
import { retentionPolicy } from './maintenance/retention-policy.ts';
import { type Pipeline, type PipelineOptions, startPipeline } from './pipeline.ts';
import { type Org, openOrg } from './salesforce/org.ts';
import { connectOrg, type OrgConnection } from './salesforce/org-connection.ts';
import { createSchemaCache } from './salesforce/schema-cache.ts';
import { defaultTiming, type Timing } from './timing.ts';
import { defaultRetryPolicy } from './write-back/judge-result.ts';

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
