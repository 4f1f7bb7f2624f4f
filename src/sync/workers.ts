import type pg from 'pg';
import type { Job, JobWithMetadata } from 'pg-boss';
import type { Logger } from 'pino';
import { SalesforceError } from '../salesforce/error.ts';
import type { Org } from '../salesforce/org.ts';
import type { ReadPlan } from '../salesforce/records.ts';
import type { SchemaCache } from '../salesforce/schema-cache.ts';
import { maxBatch } from '../salesforce/signup-codes.ts';
import type { CodeRules } from './code-rules.ts';
import { type AccountJob, type Jobs, queues, type ResyncJob } from './jobs.ts';
import { type ResyncContext, rereadAccounts, runResync } from './resync.ts';
import { noteResyncError } from './resync-rows.ts';
import { newestSchemaId } from './stored-schemas.ts';

export type WorkerContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly codes: CodeRules;
  readonly backfill: boolean;
  readonly org: Org;
  readonly schemas: SchemaCache;
  readonly jobs: Jobs;
  readonly logger: Logger;
  readonly stopping: AbortSignal;
};

/** Takes jobs from the queue for as long as the queue runs. */
export async function startWorkers(context: WorkerContext): Promise<void> {
  const { boss } = context.jobs;
  const { connection } = context.org;
  const resyncContext: ResyncContext = { ...context, connection, readPlan: () => currentReadPlan(context) };
  const polling = { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 5 };
  await boss.work(queues.reread, { ...polling, batchSize: maxBatch }, (batch: Job<AccountJob>[]) =>
    rereadAccounts(
      resyncContext,
      batch.map(({ data }) => data.accountId),
    ),
  );
  await boss.work(
    queues.resync,
    // Two at a time, so that a single account does not wait for a reading of all.
    { ...polling, includeMetadata: true, localConcurrency: 2 },
    async ([job]: JobWithMetadata<ResyncJob>[]) => {
      if (job === undefined) return;
      try {
        await runResync(resyncContext, job.data.resyncId, context.stopping);
      } catch (error) {
        const last = job.retryCount >= job.retryLimit;
        await noteResyncError(context.pool, job.data.resyncId, (error as Error).message, last);
        throw error;
      }
    },
  );
}

/**
 * The fields to read are those of the newest change event schema, as far as Salesforce shows them to us. The topic
 * names it, or where it is a channel of several objects, the topic of accounts alone. The schema met last may be an
 * older one of a backlog: it counts where neither names one.
 */
async function currentReadPlan({ pool, org, topic, schemas }: WorkerContext): Promise<ReadPlan> {
  const { schemaId: ofTopic } = await org.pubsub.getTopic(topic);
  const schemaId = ofTopic !== '' ? ofTopic : ((await accountSchemaId(org)) ?? (await newestSchemaId(pool)));
  if (schemaId === undefined) throw new Error('no change event schema is known yet');
  const { entityFields } = await schemas.get(schemaId);
  return org.readPlan(entityFields.slice(1));
}

/** Undefined where the topic of accounts alone isn't open to us: a channel can carry accounts without it. */
async function accountSchemaId({ pubsub }: Org): Promise<string | undefined> {
  try {
    return (await pubsub.getTopic('/data/AccountChangeEvent')).schemaId;
  } catch (error) {
    if (error instanceof SalesforceError && ['config', 'permission'].includes(error.failure))
      return undefined;
    throw error;
  }
}
