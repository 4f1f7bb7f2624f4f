import type { FastifyBaseLogger } from 'fastify';

/** The options of a simulator; all are optional. */
export type SimulatorOptions = {
  /** Accounts to create, 0 by default. Ignored if the journal contains accounts. */
  readonly accounts?: number;
  /** Equal seeds create equal accounts; 1 by default. */
  readonly seed?: number;
  /** The address that both servers listen on; `127.0.0.1` by default. */
  readonly host?: string;
  /** 0, the default, selects a free port. */
  readonly httpPort?: number;
  /** The instance URL in responses, if clients connect through a proxy: `http://127.0.0.1:9000`. */
  readonly publicUrl?: string;
  readonly pubsubPort?: number;
  /**
   * TLS for both servers, with a PEM certificate, or with one created at startup if `true`; `pubsub` creates one for
   * the Pub/Sub API only. False by default.
   */
  readonly tls?: boolean | 'pubsub' | { readonly cert: string; readonly key: string };
  /** Custom channels in addition to `/data/AccountChangeEvent` and `/data/ChangeEvents`: `/data/Example__chn`. */
  readonly channels?: readonly string[];
  /** 18 characters, prefix 00D. */
  readonly organizationId?: string;
  /** Additional custom fields of Account, 0 by default. */
  readonly customFields?: number;
  /** Whether small changes of texts of 1,000 characters and more are sent as diffs; true by default. */
  readonly diffFields?: boolean;
  /** Whether accounts with a last name are person accounts, whose events carry the parts of the name; false by default. */
  readonly personAccounts?: boolean;
  /** File that keeps the org across restarts; created if absent. */
  readonly journalFile?: string;
  /** Idle timeout of a session; two hours by default. */
  readonly tokenLifetimeMs?: number;
  /** Idle timeout of a `nextRecordsUrl`; 15 minutes by default. */
  readonly queryLifetimeMs?: number;
  /** REST requests per UTC day; 100,000 by default. */
  readonly dailyApiRequests?: number;
  /** Bulk query jobs per UTC day; 10,000 by default. */
  readonly dailyBulkQueryJobs?: number;
  /** Duration of a bulk query job; 4 milliseconds by default. */
  readonly bulkJobMs?: number;
  /** Whether bulk results are compressed by gzip, as Salesforce does; false by default, because it takes time. */
  readonly bulkCompression?: boolean;
  /** Rows of a page of a bulk result without `maxRecords`; 50,000 by default. */
  readonly bulkPageRows?: number;
  /** Retention of events; 72 hours by default. */
  readonly retentionMs?: number;
  /** A stream without a response for this long gets an empty one while credit is left; a minute by default. */
  readonly keepaliveIntervalMs?: number;
  /** A stream without credit for this long is closed; a minute by default. */
  readonly zeroCreditTimeoutMs?: number;
  /** Default seed of faults with a probability; 1 by default. */
  readonly faultSeed?: number;
  /** Places a relay in front of the Pub/Sub API, which the fault `stream.halfOpen` needs; false by default. */
  readonly networkFaults?: boolean;
  /** The clock in epoch milliseconds; the system clock by default. */
  readonly now?: () => number;
  /** Logger of HTTP requests; none by default. */
  readonly logger?: FastifyBaseLogger;
};
