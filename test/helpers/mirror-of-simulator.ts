import { pino } from 'pino';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import type { SimulatorOptions } from 'salesforce-simulator/simulator-options.ts';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createActivity } from '../../src/activity.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { inTransaction } from '../../src/db/database.ts';
import { type Jobs, startJobs } from '../../src/db/jobs.ts';
import { storedSchemas } from '../../src/ingest/stored-schemas.ts';
import { ensureSubscription } from '../../src/ingest/subscription-rows.ts';
import { insertResync, type ResyncRequest } from '../../src/resync/request-resync.ts';
import type { ResyncContext } from '../../src/resync/snapshot.ts';
import type { Org } from '../../src/salesforce/org.ts';
import { createSchemaCache } from '../../src/salesforce/schema-cache.ts';
import { defaultTiming, type Timing } from '../../src/timing.ts';
import { accountTopic, openSimulatorOrg } from './simulator-org.ts';
import { type DatabaseHandle, useDatabase } from './use-database.ts';
import { accountTables, removeRows } from './writable-accounts.ts';

/** Besides those of accounts. */
const tables = [
  'events',
  'event_queue',
  'event_outcomes',
  'subscriptions',
  'resync_differences',
  'resync_seen',
  'invisible_accounts',
  'incidents',
  'resyncs',
  'failed_records',
  'salesforce_fields',
  'write_back_attempts',
  'write_back_state',
  'pgboss.job',
];

/** A simulator and an empty mirror of it, without a running pipeline: a test calls what it tests itself. */
export function useMirrorOfSimulator({
  accounts = 5,
  timing,
  simulator,
}: MirrorOptions = {}): MirrorOfSimulator {
  const database = useDatabase();
  const parts: { simulator?: Simulator; org?: Org; jobs?: Jobs; newSince?: Date } = {};
  beforeAll(async () => {
    parts.jobs = await startJobs(database.pool, logger);
  });
  beforeEach(async () => {
    await database.rows(removeRows(...accountTables, ...tables));
    parts.org?.close();
    await parts.simulator?.close();
    parts.simulator = await startSimulator({ accounts, ...simulator });
    parts.org = await openSimulatorOrg(parts.simulator, timing === undefined ? {} : { timing });
    await ensureSubscription(database.pool, accountTopic, parts.simulator.organizationId);
    // Whole seconds: what is made in the org from now on is new to the mirror.
    const [begun] = await database.rows<{ at: Date }>(
      `update subscriptions set started_at = date_trunc('second', now()) returning started_at as at`,
    );
    if (begun !== undefined) parts.newSince = begun.at;
  });
  afterAll(async () => {
    await parts.jobs?.stop();
    parts.org?.close();
    await parts.simulator?.close();
  });
  const part = <Name extends keyof typeof parts>(name: Name): NonNullable<(typeof parts)[Name]> => {
    const found = parts[name];
    if (found === undefined) throw new Error(`there is no ${name} yet`);
    return found;
  };
  return {
    database,
    get simulator() {
      return part('simulator');
    },
    get org() {
      return part('org');
    },
    get jobs() {
      return part('jobs');
    },
    get context() {
      const org = part('org');
      return {
        pool: database.pool,
        prisma: database.prisma,
        topic: accountTopic,
        codes: codeRules({ field: 'SignUpCode__c', newSince: part('newSince') }),
        org,
        connection: org.connection,
        schemas: createSchemaCache(storedSchemas(database), (id) => org.pubsub.getSchema(id)),
        bulkFrom: 10_000,
        bulkBatchRows: 1_000,
        settleMs: 200,
        timing: defaultTiming,
        jobs: part('jobs'),
        activity: createActivity(),
        logger,
      };
    },
    request: (request) => inTransaction(database.pool, (client) => insertResync(client, request)),
    async account(id) {
      const [row] = await database.rows('select * from accounts where id = $1', [id]);
      return row;
    },
    async jobKeys(queue) {
      const rows = await database.rows<{ key: string }>(
        `select coalesce(singleton_key, data ->> 'resyncId') as key from pgboss.job where name = $1 order by key`,
        [queue],
      );
      return rows.map(({ key }) => key);
    },
  };
}

const logger = pino({ level: 'silent' });

export type MirrorOptions = {
  /** In the org at the beginning of each test. */
  readonly accounts?: number;
  readonly timing?: Partial<Timing>;
  readonly simulator?: SimulatorOptions;
};

export type MirrorOfSimulator = {
  readonly database: DatabaseHandle;
  readonly simulator: Simulator;
  readonly org: Org;
  readonly jobs: Jobs;
  readonly context: ResyncContext & { readonly connection: Org['connection'] };
  request(request: ResyncRequest): Promise<string>;
  account(id: string): Promise<Record<string, unknown> | undefined>;
  /** What the jobs in a queue are about. */
  jobKeys(queue: string): Promise<string[]>;
};
