import type pg from 'pg';
import type { Logger } from 'pino';
import type { CodeRules } from './codes/code-rules.ts';
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

/** What the stages of a process share. It is built once; each function takes the parts that it needs. */
export type AppContext = {
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  /** `CDC_TOPIC` */
  readonly topic: string;
  /** Salesforce may be unreachable: what needs it begins when it is signed in. */
  readonly salesforce: OrgConnection;
  readonly schemas: SchemaCache;
  readonly jobs: Jobs;
  readonly wakeUps: Pick<WakeUps, 'next'>;
  /** This process among those that share the database. */
  readonly instance: Instance;
  /** What this process sees failing, for the verdict. */
  readonly faults: ProcessFaults;
  readonly codes: CodeRules;
  /** When a failed code write is repeated. */
  readonly retryPolicy: RetryPolicy;
  /** Milliseconds that a write-back waits for more codes before it sends a batch. */
  readonly collectMs: number;
  /** Where a first subscription starts. */
  readonly replayPreset: 'latest' | 'earliest';
  /** Milliseconds of silence, with credit outstanding, after which the last transaction is complete. */
  readonly quietMs: number;
  /** A resync of at least this many records reads by a bulk job. */
  readonly bulkFrom: number;
  readonly retention: RetentionPolicy;
  readonly timing: Timing;
  readonly logger: Logger;
};

/** The context of a stage that calls Salesforce. */
export type OrgContext = AppContext & { readonly org: Org };
