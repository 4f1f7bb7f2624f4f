import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import { type Activity, countConnectionError, createActivity } from './activity.ts';
import type { AppOptions } from './app-options.ts';
import { checkSession } from './db/check-session.ts';
import { checkTables, readColumns } from './db/check-tables.ts';
import { type Database, openDatabase } from './db/database.ts';
import { databaseFault } from './db/database-fault.ts';
import { startJobs } from './db/jobs.ts';
import { locateDatabase } from './db/locate-database.ts';
import { logFailure } from './db/log-failure.ts';
import { migrate } from './db/migrate.ts';
import { prepareQueueSchema } from './db/queue-schema.ts';
import { openReplica, type Replica } from './db/replica.ts';
import { pinSession } from './db/session-options.ts';
import { createStartupRetry } from './db/wait-for-database.ts';
import { listenForWakeUps } from './db/wake-up.ts';
import { type Egress, openEgress } from './egress/egress.ts';
import { verifyCalculatedFields } from './fields/verify-calculated.ts';
import { checkHealth } from './health/check-health.ts';
import { createDatabaseOutageReporter } from './health/database-outage.ts';
import { createProcessFaults } from './health/process-faults.ts';
import { readCursorKey } from './http/plugins/signed-cursors.ts';
import { createServer } from './http/server.ts';
import { httpDependencies } from './http-dependencies.ts';
import { storedSchemas } from './ingest/stored-schemas.ts';
import { isLoaded } from './ingest/subscription-rows.ts';
import { abortsStartup, verifyOrg } from './ingest/verify-org.ts';
import { retentionPolicy } from './maintenance/retention-policy.ts';
import { withColumns } from './mirror/ensure-schemas.ts';
import { logRenamedViews, MirrorSchemaError, prepareMirror } from './mirror/prepare-mirror.ts';
import { type AnnounceContext, announceInstance } from './operations/announce-instance.ts';
import { createRequestLog } from './operations/request-log.ts';
import { type Pipeline, type PipelineOptions, startPipeline } from './pipeline.ts';
import { type Org, type OrgOptions, openOrg } from './salesforce/org.ts';
import { connectOrg, type OrgConnection } from './salesforce/org-connection.ts';
import { createSchemaCache } from './salesforce/schema-cache.ts';
import { defaultTiming, type Timing } from './timing.ts';
import { defaultRetryPolicy } from './write-back/judge-result.ts';

/**
 * Builds the service: database, Salesforce, pipeline, HTTP. The returned server starts the pipeline when it becomes
 * ready and releases all resources when it is closed.
 *
 * @throws if a setting is invalid or the database stays unreachable; an unreachable org is retried in the background
 */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { logger, poolSizes = { sync: 8, api: 10 } } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const retryWhileUnreachable = createStartupRetry(timing.databaseStartTimeoutMs, logger);
  const address = await retryWhileUnreachable(() => locateDatabase(options.databaseUrl)).catch(
    throwDatabaseError,
  );
  const faults = createProcessFaults();
  const activity = createActivity();
  const countDatabaseError = (error: Error): void =>
    countConnectionError(activity, 'database', databaseFault(error).code);
  const onError = (error: Error): void => {
    countDatabaseError(error);
    logFailure(logger, error, 'database connection lost');
  };
  // Two pools, so that slow API requests cannot use up the connections of the pipeline and the job queue.
  const syncDatabase = openDatabase({
    ...address,
    max: poolSizes.sync,
    applicationName: 'tidemark sync',
    onError,
  });
  const apiDatabase = openDatabase({
    ...address,
    max: poolSizes.api,
    applicationName: 'tidemark api',
    onError,
  });
  const opened: (() => Promise<void>)[] = [() => syncDatabase.close(), () => apiDatabase.close()];
  const closeAll = async (): Promise<void> => {
    for (const close of opened.reverse())
      await close().catch((error: Error) => logger.warn({ err: error }, 'closing a resource failed'));
  };
  try {
    const columns = await retryWhileUnreachable(() => prepareDatabase(syncDatabase, options)).catch(
      throwDatabaseError,
    );
    const outage = createDatabaseOutageReporter(faults, logger);
    const listenerFailed = (error: Error): void => {
      countDatabaseError(error);
      outage.failed(error);
    };
    const wakeUps = listenForWakeUps(address.url, listenerFailed, undefined, outage.connected);
    opened.push(() => wakeUps.close());
    const jobs = await retryWhileUnreachable(async () => {
      const schema = await prepareQueueSchema(syncDatabase.pool, address.schema);
      return startJobs(syncDatabase.pool, logger, { schema, wakeUps });
    }).catch(throwDatabaseError);
    opened.push(() => jobs.stop());
    const egress = openEgress(options.proxy);
    const salesforce = connectOrg(
      () => openVerifiedOrg(options, egress, timing, syncDatabase, activity),
      logger,
    );
    opened.push(async () => salesforce.close());
    const schemas = createSchemaCache(storedSchemas(syncDatabase), async (id) =>
      salesforce.require().pubsub.getSchema(id),
    );
    const replica = startReplica(options, address.schema, syncDatabase, onError);
    opened.push(async () => replica?.close());
    const requestLog = createRequestLog(apiDatabase.pool, (error) =>
      logFailure(logger, error, 'recording requests failed; retrying'),
    );
    opened.push(() => requestLog.close());
    const http = httpDependencies(options, egress, apiDatabase, schemas, jobs, wakeUps);
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
    const salesforceUrl = () => salesforce.org?.connection.instanceUrl;
    const app = await createServer({ ...http, salesforceUrl, replica, health, activity, requestLog });
    app.addHook('onClose', closeAll);
    const instance = { name: options.instanceName ?? hostname(), host: hostname(), pid: process.pid };
    opened.push(
      announce(app, {
        pool: apiDatabase.pool,
        process: { ...instance, id: randomUUID(), roles: options.roles, version: http.version },
        logger,
      }),
    );
    if (options.roles.has('sync')) {
      runPipeline(app, options.stopping, {
        pool: syncDatabase.pool,
        prisma: syncDatabase.prisma,
        databaseUrl: address.url,
        topic: options.topic,
        salesforce,
        schemas: withColumns(schemas, syncDatabase.pool, logger),
        jobs,
        wakeUps,
        instance,
        faults,
        codeSettings: { ...options.codes, field: options.codeField, backfill: options.backfill },
        retryPolicy: options.retryPolicy ?? defaultRetryPolicy,
        collectMs: options.collectMs ?? 200,
        replayPreset: options.replayPreset,
        quietMs: options.quietMs,
        bulkFrom: options.bulkFrom ?? 10_000,
        bulkBatchRows: 1_000,
        retention: retentionPolicy(options.eventRetentionDays ?? 0),
        schedules: options.schedules ?? {},
        indexedFields: options.indexedFields ?? [],
        timing,
        activity,
        send: egress.send,
        notify: options.notify ?? { urls: [] },
        health,
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

/** Shows this process in `GET /v1/instances` from when the server is ready. @returns a function that ends it */
function announce(app: FastifyInstance, context: AnnounceContext): () => Promise<void> {
  const closing = new AbortController();
  let ended = Promise.resolve();
  app.addHook('onReady', async () => {
    ended = announceInstance(context, closing.signal);
  });
  return () => {
    closing.abort();
    return ended;
  };
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
  // The error is thrown again when the server closes.
  stopping?.addEventListener('abort', () => void stop().catch(() => {}), { once: true });
  app.addHook('onClose', stop);
}

/** @throws SalesforceError if the org cannot be used, temporarily or until a setting is corrected */
async function openVerifiedOrg(
  { org: orgOptions, roles, topic, codes, calculatedFields = [], logger }: AppOptions,
  egress: Egress,
  timing: Timing,
  database: Database,
  activity: Activity,
): Promise<Org> {
  const onFailure: OrgOptions['onFailure'] = (target, { failure }) =>
    countConnectionError(activity, target, failure);
  const org = await openOrg({ ...orgOptions, egress, timing, calculatedFields, onFailure });
  try {
    // A process that only serves the API needs no topic.
    if (roles.has('sync')) {
      await verifyOrg(database, org, { topic, filter: codes?.filter ?? null });
      await verifyCalculatedFields(org, await isLoaded(database.prisma, topic), (problem) =>
        logger.warn({ problem }, 'CALCULATED_FIELDS names fields that cannot be used'),
      );
    }
    return org;
  } catch (error) {
    org.close();
    throw error;
  }
}

/** @throws SalesforceError if the first response of Salesforce shows that a setting is invalid */
async function expectUsableOrg(
  { firstFailure }: OrgConnection,
  topic: string,
  { salesforceStartTimeoutMs }: Timing,
  { prisma }: Database,
): Promise<void> {
  const timeout = pause(salesforceStartTimeoutMs, undefined, { ref: false });
  const failure = await Promise.race([firstFailure, timeout]);
  if (failure !== undefined && abortsStartup(failure, await isLoaded(prisma, topic))) throw failure;
}

function throwDatabaseError(error: Error): never {
  if (error instanceof MirrorSchemaError) throw error;
  const reason = error.message || (error as NodeJS.ErrnoException).code;
  throw new Error(`DATABASE_URL: ${reason}`, { cause: error });
}

/** Queries the primary on the pool of the pipeline, which API requests cannot use up. */
function startReplica(
  { replicaUrl, roles }: AppOptions,
  schema: string,
  { pool: primary }: Database,
  onError: (error: Error) => void,
): Replica | undefined {
  if (replicaUrl === undefined || !roles.has('api')) return undefined;
  return openReplica({ url: pinSession(replicaUrl, schema), schema, primary, onError });
}

/** Checks and migrates the database. @returns the columns of the tables */
async function prepareDatabase(
  { pool, prisma }: Database,
  { logger, codeField, mirrorSchema = 'salesforce' }: AppOptions,
): Promise<string[]> {
  await checkSession(pool);
  await migrate(pool, (names) =>
    logger.warn({ migrations: names }, 'the database has migrations of a newer version; continuing'),
  );
  await checkTables({ pool, prisma });
  logRenamedViews(logger, await prepareMirror(pool, { schema: mirrorSchema, codeField }));
  // Creates the key if it is missing, while the database is known to accept writes.
  await readCursorKey(prisma);
  return readColumns(pool);
}
