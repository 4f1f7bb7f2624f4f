import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyServerOptions,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type pg from 'pg';
import type { Activity } from '../activity.ts';
import type { CodeRules } from '../codes/code-rules.ts';
import type { PrismaClient } from '../db/generated/client.ts';
import type { Replica } from '../db/replica.ts';
import type { WakeUps } from '../db/wake-up.ts';
import type { Verdict } from '../health/verdict.ts';
import type { ReadEvent } from '../history/read-event.ts';
import type { RequestLog } from '../operations/request-log.ts';
import type { EnqueueResync } from '../resync/request-resync.ts';
import type { SchemaField } from '../salesforce/writer-schema.ts';
import type { CodeAssignment, CodeRequest } from '../write-back/assign-code.ts';
import type { ApiKey } from './api-key.ts';
import type { RateLimitOptions } from './plugins/rate-limits.ts';
import type { LoadLimits } from './plugins/shed-load.ts';
import type { OidcOptions } from './plugins/verify-token.ts';
import type { WebhookSenders } from './routes/webhooks/webhook-senders.ts';
import type { StreamLimits } from './streams/stream-limits.ts';

/** Dependencies of the HTTP server. */
export type HttpDependencies = {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  /** A read replica, used while its lag is small. */
  readonly replica?: Pick<Replica, 'database' | 'serves' | 'behindMs'> | undefined;
  readonly apiKeys: readonly ApiKey[];
  readonly access?: AccessOptions;
  /** `CDC_TOPIC`. */
  readonly topic: string;
  /** `SIGNUP_CODE_FIELD`. */
  readonly signupCodeField: string;
  /** `INDEXED_FIELDS`: paths of the fields that lists can filter by. */
  readonly indexedFields: readonly string[];
  /** An export is aborted if the client reads nothing for this time; defaults to 30 seconds. */
  readonly exportStallTimeoutMs?: number;
  readonly logger: LoggerChoice;
  /** Decodes stored events; the results are in the order of the rows. */
  decodeEvents(rows: readonly StoredEvent[]): Promise<readonly ReadEvent[]>;
  /** Names of all mirrored top-level fields in the newest schema; empty if no schema is known. */
  fieldNames(): Promise<readonly string[]>;
  /** These fields with the parts of compound fields. */
  fieldParts(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Enqueues the job of a resync, in the transaction that inserted its row. */
  readonly enqueueResync: EnqueueResync;
  /** Notifies about new data. */
  readonly wakeUps: Pick<WakeUps, 'next'>;
  /** The rules by which accounts get codes. */
  codeRules(): Promise<CodeRules>;
  /** Assigns or regenerates the signup code of an account in the transaction of the client. */
  requestSignupCode(client: pg.PoolClient, request: CodeRequest): Promise<CodeAssignment>;
  /** Trusted senders of webhooks; without it no webhooks are accepted. */
  readonly webhooks?: WebhookSenders;
  /** The id of the newest schema of account events; undefined if none is known. */
  newestSchemaId?(): Promise<string | undefined>;
  /** The fields of a schema of account events, starting with the header. */
  schemaFields?(schemaId: string): Promise<readonly SchemaField[]>;
  health(): Promise<Verdict>;
  readonly activity: Activity;
  /** Records requests; without it, none is recorded. */
  readonly requestLog?: RequestLog;
  /** The settings of this process; secrets are masked. */
  readonly settings?: readonly SettingValue[];
  /** The address of the org, while this process is signed in. */
  salesforceUrl?(): string | undefined;
  /** The address of the simulator that this process has started. */
  readonly simulatorUrl?: string;
  /** Whether this process has the role `sync`. */
  readonly hasSyncRole: boolean;
  /** Limits of the live stream; defaults to 2,000 streams and 1,000 per key. */
  readonly liveStreamLimits?: StreamLimits;
  /** A stream is closed if the client reads nothing for this time; defaults to 30 seconds. */
  readonly streamStallTimeoutMs?: number;
  /** Aborted at the start of the shutdown: the process is no longer ready, and closes connections after each response. */
  readonly stopping?: AbortSignal | undefined;
  /** The version of the service in the OpenAPI document. */
  readonly version: string;
};

/** A setting and its value in this process. */
export type SettingValue = {
  readonly name: string;
  /** The section of docs/settings.md. */
  readonly group: string;
  readonly description: string;
  /** Null if it is unset and has no default; masked if it is a secret. */
  readonly value: string | null;
  readonly source: 'default' | 'environment';
  readonly secret: boolean;
};

/** Authentication, limits and origins. An absent option disables the feature. */
export type AccessOptions = {
  /** Accepts tokens of an issuer in addition to API keys. */
  readonly oidc?: OidcOptions;
  readonly rateLimits?: RateLimitOptions;
  readonly loadLimits?: LoadLimits;
  /** Addresses and networks of proxies whose `X-Forwarded-For` is trusted. */
  readonly trustedProxies?: readonly string[];
  /** Origins whose web pages may call the API. */
  readonly corsOrigins?: readonly string[];
  /** Defaults to true. */
  readonly publicMetrics?: boolean;
};

export type LoggerChoice =
  | FastifyBaseLogger
  | Exclude<FastifyServerOptions['logger'], boolean | undefined>
  | false;

/** The columns of an event that decoding needs. */
export type StoredEvent = {
  readonly id: bigint;
  readonly source: string;
  readonly schemaId: string;
  readonly payload: Uint8Array;
};

/** A Fastify server with request and response types derived from the schemas of its routes. */
export type Server = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
