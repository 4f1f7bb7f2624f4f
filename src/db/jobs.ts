import pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { withTimeout } from '../run-loop.ts';
import type { Resync } from './generated/client.ts';
import { logFailure } from './log-failure.ts';
import type { WakeUps } from './wake-up.ts';

/** The job queue. Jobs are enqueued in the transaction of the caller and run after its commit. */
export type Jobs = {
  readonly boss: PgBoss;
  /** Schema of the tables of the queue. */
  readonly schema: string;
  /** Enqueues a read of each of these accounts. */
  enqueueRereads(client: pg.PoolClient, accountIds: readonly string[]): Promise<void>;
  /** Enqueues the run of a row of the table `resyncs`. */
  enqueueResync(client: pg.PoolClient, resync: QueuedResync): Promise<void>;
  /** Stops fetching jobs; active jobs continue. */
  stopFetching(): Promise<void>;
  stop(): Promise<void>;
};

export const queues = {
  reread: 're-read',
  resync: 'resync',
  fullResync: 'full-resync',
  schedule: 'schedule',
} as const;

export type AccountJob = { readonly accountId: string };
export type ResyncJob = { readonly resyncId: string };
/** A row of the table `resyncs`; those of all records have a queue that runs one at a time. */
export type QueuedResync = Pick<Resync, 'id' | 'scope'>;

export type QueueOptions = {
  /** A schema that exists already; `pgboss`, which is created if it is absent, by default. */
  readonly schema?: string;
  /** Receives the notifications of new jobs; without it, workers poll. */
  readonly wakeUps?: Pick<WakeUps, 'listen'>;
};

/**
 * Starts the job queue in a schema of its own, on the connections of `pool`. Jobs of a killed worker are released within
 * half a minute. A worker whose connection does not respond retries after the query timeout of the pool.
 */
export async function startJobs(
  pool: pg.Pool,
  logger: Logger,
  { schema: configuredSchema, wakeUps }: QueueOptions = {},
): Promise<Jobs> {
  const schema = configuredSchema ?? 'pgboss';
  const boss = new PgBoss({
    db: {
      // pg-boss expects the standard types of node-postgres.
      executeSql: (text, values) => pool.query({ text, ...(values && { values }), types: pg.types }),
      ...(wakeUps && { listen: wakeUps.listen }),
    },
    schema,
    // `create schema if not exists` needs a permission on the database even if the schema exists.
    createSchema: configuredSchema === undefined,
    monitorIntervalSeconds: 5,
    superviseIntervalSeconds: 15,
    // No job waits for another one.
    flowIntervalSeconds: 3_600,
    // The tables have autovacuum settings of their own.
    monitorVacuum: false,
    useListenNotify: wakeUps !== undefined,
  });
  // Without a listener, a restart of the database would end the process.
  boss.on('error', (error) => logFailure(logger, error, 'job queue failed'));
  const stop = (): Promise<void> => withTimeout(3_000, boss.stop({ graceful: true, timeout: 1_000 }));
  try {
    await startQueues(boss, schema);
  } catch (error) {
    // A retry creates a new instance.
    await stop().catch(() => {});
    throw error;
  }

  const insert = async (
    client: pg.PoolClient,
    queue: string,
    entries: readonly { readonly key?: string; readonly data: object }[],
  ): Promise<void> => {
    if (entries.length === 0) return;
    const db = { executeSql: (text: string, values?: unknown[]) => client.query(text, values) };
    const jobs = entries.map(({ key, data }) => ({
      ...(key === undefined ? {} : { singletonKey: key }),
      data,
    }));
    await boss.insert(queue, jobs, { db });
  };
  const perAccount = (ids: readonly string[]) => ids.map((id) => ({ key: id, data: { accountId: id } }));

  return {
    boss,
    schema,
    enqueueRereads: (client, ids) => insert(client, queues.reread, perAccount(ids)),
    enqueueResync: (client, { id, scope }) =>
      scope === 'all' || scope === 'fields'
        ? insert(client, queues.fullResync, [{ data: { resyncId: id } }])
        : insert(client, queues.resync, [{ key: id, data: { resyncId: id } }]),
    async stopFetching() {
      for (const queue of Object.values(queues)) await boss.offWork(queue, { wait: false });
    },
    stop,
  };
}

async function startQueues(boss: PgBoss, schema: string): Promise<void> {
  await boss.start();
  await boss.getDb().executeSql(vacuumJobsEarly(schema));
  const shared = { policy: 'short', notify: true, heartbeatSeconds: 15, retryBackoff: true } as const;
  const retries = { retryLimit: 20, retryDelay: 1, retryDelayMax: 300 } as const;
  // Reading a large org takes hours; heartbeats detect dead workers earlier.
  const resync = { ...shared, ...retries, expireInSeconds: 24 * 3_600 } as const;
  const wanted = {
    [queues.reread]: { ...shared, ...retries },
    [queues.resync]: resync,
    // One active job across all processes; the others stay queued.
    [queues.fullResync]: { ...resync, policy: 'singleton' },
    [queues.schedule]: shared,
  } as const;
  const existing = new Set((await boss.getQueues()).map(({ name }) => name));
  for (const [name, options] of Object.entries(wanted))
    if (!existing.has(name)) await boss.createQueue(name, options);
}

/**
 * Autovacuum settings for the table of jobs, whose rows are updated several times and then deleted. pg-boss creates the
 * table, so no migration can set them. Existing settings are kept.
 */
const vacuumJobsEarly = (schema: string): string => `
  do $$ begin
    if exists (select from pg_class where oid = to_regclass('${schema}.job_common') and reloptions is null) then
      alter table ${schema}.job_common set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
    end if;
  end $$`;
