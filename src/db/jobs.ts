import type pg from 'pg';
import { PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import { logFailure } from './log-failure.ts';
import { connectionTo } from './servers.ts';
import { withTimeout } from './with-timeout.ts';

/** What is done later, outside the applying transaction but enqueued inside it. */
export type Jobs = {
  readonly boss: PgBoss;
  /** Where the queue keeps its tables. */
  readonly schema: string;
  /** Reads these accounts again. */
  enqueueRereads(client: pg.PoolClient, accountIds: readonly string[]): Promise<void>;
  /** Runs a row of the table `resyncs`. */
  enqueueResync(client: pg.PoolClient, resync: QueuedResync): Promise<void>;
  /** Takes no more jobs; those that are under way go on. */
  stopFetching(): Promise<void>;
  stop(): Promise<void>;
};

export const queues = {
  reread: 're-read',
  resync: 'resync',
  fullResync: 'full-resync',
  schedule: 'schedule',
} as const;

// As long as the pool of everything else waits.
const defaultAnswerLimitMs = 35_000;

export type AccountJob = { readonly accountId: string };
export type ResyncJob = { readonly resyncId: string };
/** A row of the table `resyncs`; scope `all` has a queue that runs one at a time. */
export type QueuedResync = { readonly id: string; readonly scope: string };

export type QueueOptions = {
  /** A schema that exists already; `pgboss`, which is created if it is absent, by default. */
  readonly schema?: string;
  readonly answerLimitMs?: number;
};

/**
 * Starts the job queue in a schema of its own of the same database.
 * A worker that is killed gives its jobs back within half a minute; one whose connection went silent asks again after
 * `answerLimitMs`.
 */
export async function startJobs(
  databaseUrl: string,
  logger: Logger,
  { schema: configuredSchema, answerLimitMs = defaultAnswerLimitMs }: QueueOptions = {},
): Promise<Jobs> {
  const schema = configuredSchema ?? 'pgboss';
  // The queue hands on to its pool what it does not know itself. Without a limit a worker would wait for ever.
  const limits = { query_timeout: answerLimitMs, keepAlive: true };
  const boss = new PgBoss({
    ...connectionTo(databaseUrl),
    ...limits,
    schema,
    // Creating one needs a right on the database even if the schema exists.
    createSchema: configuredSchema === undefined,
    application_name: 'tidemark jobs',
    max: 5,
    monitorIntervalSeconds: 5,
    superviseIntervalSeconds: 15,
    useListenNotify: true,
  });
  // Without a listener the process would end when the database restarts.
  boss.on('error', (error) => logFailure(logger, error, 'the job queue failed'));
  const stop = (): Promise<void> => withTimeout(3_000, boss.stop({ graceful: true, timeout: 1_000 }));
  try {
    await startQueues(boss, schema);
  } catch (error) {
    // Another try has a queue of its own.
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
      scope === 'all'
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
  // A large org takes hours to read; a dead worker is known by its heartbeat.
  const resync = { ...shared, ...retries, expireInSeconds: 24 * 3_600 } as const;
  await Promise.all([
    boss.createQueue(queues.reread, { ...shared, ...retries }),
    boss.createQueue(queues.resync, resync),
    // One at a time, whichever process takes it; the others wait in the queue.
    boss.createQueue(queues.fullResync, { ...resync, policy: 'singleton' }),
    boss.createQueue(queues.schedule, shared),
  ]);
}

/**
 * A job is written several times in its short life and then deleted. The queue makes its tables itself, so no migration
 * can say this; a table that was told something is left alone.
 */
const vacuumJobsEarly = (schema: string): string => `
  do $$ begin
    if exists (select from pg_class where oid = to_regclass('${schema}.job_common') and reloptions is null) then
      alter table ${schema}.job_common set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 1000);
    end if;
  end $$`;
