import type { FastifyBaseLogger } from 'fastify';

/** How a sandbox starts; everything may be left out. */
export type SandboxOptions = {
  /** How many accounts to begin with; none unless told. Skipped when the journal holds an org already. */
  readonly accounts?: number;
  /** The same seed makes the same accounts; 1 unless told. */
  readonly seed?: number;
  /** Both servers listen here; `127.0.0.1` unless told. */
  readonly host?: string;
  /** 0, as by default, takes any free one. */
  readonly httpPort?: number;
  readonly pubsubPort?: number;
  /** Of the Pub/Sub API only, HTTP stays plain; `true` makes a certificate at start. */
  readonly tls?: boolean | { readonly cert: string; readonly key: string };
  /** Custom channels beside `/data/AccountChangeEvent` and `/data/ChangeEvents`. */
  readonly channels?: readonly string[];
  /** Makes the org survive a restart; created when absent. */
  readonly journalFile?: string;
  /** How long a session lives unused; two hours unless told. */
  readonly tokenLifetimeMs?: number;
  /** How long `nextRecordsUrl` works unused; 15 minutes unless told. */
  readonly queryLifetimeMs?: number;
  /** REST requests per UTC day; 100,000 unless told. */
  readonly dailyApiRequests?: number;
  /** How long events stay on the bus; 72 hours unless told. */
  readonly retentionMs?: number;
  readonly keepaliveIntervalMs?: number;
  readonly zeroCreditTimeoutMs?: number;
  /** Epoch milliseconds; the system clock unless told. */
  readonly now?: () => number;
  /** Requests are logged here; silent unless told. */
  readonly logger?: FastifyBaseLogger;
};
