import type { Logger } from 'pino';
import type { CodeOptions } from './codes/code-rules.ts';
import type { ApiKey } from './http/api-key.ts';
import type { WebhookSenders } from './http/routes/webhooks/webhook-senders.ts';
import type { AccessOptions } from './http/server-types.ts';
import type { Schedules } from './resync/schedules.ts';
import type { OrgOptions } from './salesforce/org.ts';
import type { Timing } from './timing.ts';
import type { RetryPolicy } from './write-back/judge-result.ts';

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
  /** Paths of the fields that accounts may be filtered by; none by default. */
  readonly indexedFields?: readonly string[];
  readonly backfill: boolean;
  /** From so many records on, a resync reads by a bulk job; 10,000 by default. */
  readonly bulkFrom?: number;
  /** Waits that differ from the default. */
  readonly timing?: Partial<Timing>;
  /** When the mirror is compared with Salesforce automatically. */
  readonly schedules?: Schedules;
  /** Format of the codes and which accounts get one, if not the default. */
  readonly codes?: CodeOptions;
  /** Milliseconds that a write-back waits for more codes before it sends a batch; 200 by default. */
  readonly collectMs?: number;
  readonly retryPolicy?: RetryPolicy;
  /** How long applied events stay; 0 or undefined keeps them permanently. */
  readonly eventRetentionDays?: number;
  /** Who may send webhooks; nobody by default. */
  readonly webhooks?: WebhookSenders;
  readonly roles: ReadonlySet<'api' | 'sync'>;
  /** How this process is named to people; the host by default. */
  readonly instanceName?: string | undefined;
  /** Aborted when the process is about to stop: the mirror stops at once, the API goes on until the server is closed. */
  readonly stopping?: AbortSignal;
  readonly logger: Logger;
};
