import type { Logger } from 'pino';
import type { CodeOptions } from './codes/code-rules.ts';
import type { ProxySettings } from './egress/proxy-rule.ts';
import type { ApiKey } from './http/api-key.ts';
import type { WebhookSenders } from './http/routes/webhooks/webhook-senders.ts';
import type { AccessOptions, SettingValue } from './http/server-types.ts';
import type { NotifyOptions } from './operations/notify.ts';
import type { Schedules } from './resync/schedules.ts';
import type { OrgOptions } from './salesforce/org.ts';
import type { Timing } from './timing.ts';
import type { RetryPolicy } from './write-back/judge-result.ts';

export type AppOptions = {
  readonly databaseUrl: string;
  /** A streaming replica that the API reads from. */
  readonly replicaUrl?: string | undefined;
  readonly org: Omit<OrgOptions, 'egress'>;
  /** Forward proxy of outgoing connections; none by default. */
  readonly proxy?: ProxySettings;
  readonly apiKeys: readonly ApiKey[];
  /** Limits, tokens and proxies; each is off by default. */
  readonly access?: AccessOptions;
  readonly topic: string;
  readonly replayPreset: 'latest' | 'earliest';
  readonly quietMs: number;
  /** `MIRROR_SCHEMA`; `salesforce` by default. */
  readonly mirrorSchema?: string;
  readonly codeField: string;
  /** Paths of the fields that accounts may be filtered by; none by default. */
  readonly indexedFields?: readonly string[];
  /** Names of the calculated fields to mirror; none by default. */
  readonly calculatedFields?: readonly string[];
  readonly backfill: boolean;
  /** Number of records from which a resync uses the Bulk API; 10,000 by default. */
  readonly bulkFrom?: number;
  /** Timeouts and intervals that differ from the defaults. */
  readonly timing?: Partial<Timing>;
  /** Schedules of the automatic comparisons with Salesforce and of reads of calculated fields. */
  readonly schedules?: Schedules;
  /** Format of the codes and which accounts get one, if not the default. */
  readonly codes?: CodeOptions;
  /** Milliseconds that a write-back waits for more codes before it sends a batch; 200 by default. */
  readonly collectMs?: number;
  readonly retryPolicy?: RetryPolicy;
  /** Retention of applied events; 0 or undefined keeps them permanently. */
  readonly eventRetentionDays?: number;
  /** Accepted senders of webhooks; none by default. */
  readonly webhooks?: WebhookSenders;
  /** Receivers of notifications; none by default. */
  readonly notify?: NotifyOptions;
  /** The settings of this process, for the API; secrets are masked. */
  readonly settings?: readonly SettingValue[];
  /** The address of the simulator that this process has started. */
  readonly simulatorUrl?: string;
  /** Maximum number of database connections of the pipeline with the job queue, and of the API. */
  readonly poolSizes?: { readonly sync: number; readonly api: number };
  readonly roles: ReadonlySet<'api' | 'sync'>;
  /** Name of this process in the API; the host name by default. */
  readonly instanceName?: string | undefined;
  /** Aborted at the start of a graceful shutdown: the pipeline stops at once, the API when the server is closed. */
  readonly stopping?: AbortSignal;
  readonly logger: Logger;
};
