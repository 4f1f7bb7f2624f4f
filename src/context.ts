import type pg from 'pg';
import type { Logger } from 'pino';
import type { Activity } from './activity.ts';
import type { CodeRules } from './codes/code-rules.ts';
import type { PrismaClient } from './db/generated/client.ts';
import type { Jobs } from './db/jobs.ts';
import type { Instance } from './db/lease.ts';
import type { WakeUps } from './db/wake-up.ts';
import type { ProcessFaults } from './health/process-faults.ts';
import type { RetentionPolicy } from './maintenance/retention-policy.ts';
import type { Org } from './salesforce/org.ts';
import type { OrgConnection } from './salesforce/org-connection.ts';
import type { SchemaCache } from './salesforce/schema-cache.ts';
import type { Timing } from './timing.ts';
import type { RetryPolicy } from './write-back/judge-result.ts';

/** Shared dependencies of the stages of a process. Functions declare the parts that they need. */
export type AppContext = {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  readonly databaseUrl: string;
  /** `CDC_TOPIC` */
  readonly topic: string;
  /** Work that needs Salesforce starts when this connection has signed in. */
  readonly salesforce: OrgConnection;
  readonly schemas: SchemaCache;
  readonly jobs: Jobs;
  readonly wakeUps: Pick<WakeUps, 'next'>;
  /** Identifies this process among those that share the database. */
  readonly instance: Instance;
  /** Current failures of this process, for the health check. */
  readonly faults: ProcessFaults;
  readonly codes: CodeRules;
  /** Retry policy of code writes. */
  readonly retryPolicy: RetryPolicy;
  /** Milliseconds that a write-back waits for more codes before it sends a batch. */
  readonly collectMs: number;
  /** Where a first subscription starts. */
  readonly replayPreset: 'latest' | 'earliest';
  /** Milliseconds of silence, with credit outstanding, after which the last transaction is complete. */
  readonly quietMs: number;
  /** Number of records from which a resync uses the Bulk API. */
  readonly bulkFrom: number;
  /** Rows of a bulk result in one transaction. */
  readonly bulkBatchRows: number;
  readonly retention: RetentionPolicy;
  readonly timing: Timing;
  readonly activity: Activity;
  readonly logger: Logger;
};

/** The context of a stage that calls Salesforce. */
export type OrgContext = AppContext & { readonly org: Org };
