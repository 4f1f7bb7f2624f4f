import type { FastifyBaseLogger } from 'fastify';

/** How a simulator starts; everything may be left out. */
export type SimulatorOptions = {
  /** How many accounts to begin with; none unless told. Skipped when the journal holds an org already. */
  readonly accounts?: number;
  /** The same seed makes the same accounts; 1 unless told. */
  readonly seed?: number;
  /** Both servers listen here; `127.0.0.1` unless told. */
  readonly host?: string;
  /** 0, as by default, takes any free one. */
  readonly httpPort?: number;
  /** The address that clients are told as the org's own, where they come through a proxy: `http://127.0.0.1:9000`. */
  readonly publicUrl?: string;
  readonly pubsubPort?: number;
  /** Of the Pub/Sub API only, HTTP stays plain; `true` makes a certificate at start. */
  readonly tls?: boolean | { readonly cert: string; readonly key: string };
  /** Custom channels beside `/data/AccountChangeEvent` and `/data/ChangeEvents`. */
  readonly channels?: readonly string[];
  /** 18 characters, prefix 00D; a sandbox that is refreshed gets another one. */
  readonly organizationId?: string;
  /** How many custom fields Account has beyond those of this org, as in orgs that grew for years; none by default. */
  readonly customFields?: number;
  /** Whether small changes of long texts come as diffs, as Salesforce does; yes unless told. */
  readonly diffFields?: boolean;
  /** Whether an account with a last name is a person; its events carry the name in parts. No unless told. */
  readonly personAccounts?: boolean;
  /** Makes the org survive a restart; created when absent. */
  readonly journalFile?: string;
  /** How long a session lives unused; two hours unless told. */
  readonly tokenLifetimeMs?: number;
  /** How long `nextRecordsUrl` works unused; 15 minutes unless told. */
  readonly queryLifetimeMs?: number;
  /** REST requests per UTC day; 100,000 unless told. */
  readonly dailyApiRequests?: number;
  /** Bulk query jobs per UTC day; 10,000 unless told. */
  readonly dailyBulkQueryJobs?: number;
  /** How long a bulk query job takes; 4 milliseconds unless told. */
  readonly bulkJobMs?: number;
  /** Whether bulk results come in gzip, as Salesforce sends them; no unless told, for it takes time. */
  readonly bulkCompression?: boolean;
  /** Rows of a page of a bulk result where the client does not say; 50,000 unless told. */
  readonly bulkPageRows?: number;
  /** How long events stay on the bus; 72 hours unless told. */
  readonly retentionMs?: number;
  readonly keepaliveIntervalMs?: number;
  readonly zeroCreditTimeoutMs?: number;
  /** Of faults that strike by chance; 1 unless told. */
  readonly faultSeed?: number;
  /** Puts a relay before the Pub/Sub API, so that its connections can be left half-open; no unless told. */
  readonly networkFaults?: boolean;
  /** Epoch milliseconds; the system clock unless told. */
  readonly now?: () => number;
  /** Requests are logged here; silent unless told. */
  readonly logger?: FastifyBaseLogger;
};
