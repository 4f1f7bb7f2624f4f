import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify';
import type pg from 'pg';
import type { PrismaClient } from '../db/generated/client.ts';
import type { Replica } from '../db/replica.ts';
import type { WakeUps } from '../db/wake-up.ts';
import type { Verdict } from '../health/verdict.ts';
import type { ReadEvent } from '../history/read-event.ts';
import type { EnqueueResync } from '../resync/request-resync.ts';
import type { SchemaField } from '../salesforce/writer-schema.ts';
import type { CodeAnswer, CodeRequest } from '../write-back/assign-code.ts';
import type { ApiKey } from './api-key.ts';
import type { RateLimitOptions } from './plugins/rate-limits.ts';
import type { LoadLimits } from './plugins/shed-load.ts';
import type { OidcOptions } from './plugins/verify-token.ts';
import type { WebhookSenders } from './routes/webhooks/senders.ts';
import type { StreamLimits } from './streams/stream-limits.ts';

/** Everything that HTTP needs from outside: it knows no Salesforce and no job queue. */
export type HttpDependencies = {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /** Serves reads as long as it is close behind; undefined without one. */
  readonly replica?: Pick<Replica, 'database' | 'serves' | 'behindMs'> | undefined;
  readonly apiKeys: readonly ApiKey[];
  readonly access?: AccessOptions;
  /** The followed topic, `CDC_TOPIC`. */
  readonly topic: string;
  /** The account field that holds the signup code, `SIGNUP_CODE_FIELD`. */
  readonly signupCodeField: string;
  /** Paths of the mirrored fields that accounts may be filtered by, `INDEXED_FIELDS`. */
  readonly indexedFields: readonly string[];
  /** An export that a client takes nothing of for so long is given up; 30 seconds unless told. */
  readonly exportStallMs?: number;
  /** A logger, or the options to make one. */
  readonly logger: LoggerChoice;
  /** Decodes stored events; the answers are in the order of the rows. */
  decodeEvents(rows: readonly StoredEvent[]): Promise<readonly ReadEvent[]>;
  /** Names of all mirrored top-level fields by the newest schema; none while no schema is known. */
  fieldNames(): Promise<readonly string[]>;
  /** The same with the parts of compound fields; those of a name may be used or not. */
  fieldParts(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Enqueues the job of a row of `resyncs`, in the transaction that wrote the row. */
  readonly enqueueResync: EnqueueResync;
  /** Says when there may be something new to look at. */
  readonly wakeUps: Pick<WakeUps, 'next'>;
  /** Gives an account a signup code, or another one, in the given transaction. */
  requestSignupCode(client: pg.PoolClient, request: CodeRequest): Promise<CodeAnswer>;
  /** Who may send webhooks; nobody unless told. */
  readonly webhooks?: WebhookSenders;
  /** The id of the newest schema of account events; undefined while none is known. */
  newestSchemaId?(): Promise<string | undefined>;
  /** The fields of a schema of account events, the header first. */
  schemaFields?(schemaId: string): Promise<readonly SchemaField[]>;
  /** How the mirror is doing. */
  health(): Promise<Verdict>;
  /** Whether this process has the role `sync`. */
  readonly mirrors: boolean;
  /** How many readers the live stream has at most, where that is not as usual. */
  readonly liveStreamLimits?: StreamLimits;
  /** How long a reader of a stream may take nothing, where that is not as usual. */
  readonly stallLimitMs?: number;
  /** Aborted when the process is about to stop: it is not ready any more, and asks clients for other connections. */
  readonly stopping?: AbortSignal | undefined;
  /** Version of the service, shown in the API description. */
  readonly version: string;
};

/** Who may come in, and how often; each part is off unless given. */
export type AccessOptions = {
  /** Tokens of an issuer are accepted beside keys. */
  readonly oidc?: OidcOptions;
  readonly rateLimits?: RateLimitOptions;
  readonly loadLimits?: LoadLimits;
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[];
  /** Origins whose pages may call the API. */
  readonly corsOrigins?: readonly string[];
  /** True unless false. */
  readonly publicMetrics?: boolean;
};

export type LoggerChoice =
  | FastifyBaseLogger
  | Exclude<FastifyServerOptions['logger'], boolean | undefined>
  | false;

/** What decoding needs of a row of the event log. */
export type StoredEvent = {
  readonly id: bigint;
  readonly source: string;
  readonly schemaId: string;
  readonly payload: Uint8Array;
};
