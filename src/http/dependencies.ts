import type { FastifyBaseLogger, FastifyServerOptions } from 'fastify';
import type pg from 'pg';
import type { PrismaClient } from '../db/generated/client.ts';
import type { WakeUps } from '../db/wake-up.ts';
import type { ReadEvent } from '../sync/event-history.ts';
import type { EnqueueResync } from '../sync/resync/request-resync.ts';
import type { CodeAnswer, CodeRequest } from '../sync/write-back/assign-code.ts';

/** Everything that HTTP needs from outside: it knows no Salesforce and no job queue. */
export type HttpDependencies = {
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  readonly apiKeys: readonly ApiKey[];
  /** The followed topic, `CDC_TOPIC`. */
  readonly topic: string;
  /** The account field that holds the signup code, `SIGNUP_CODE_FIELD`. */
  readonly signupCodeField: string;
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
  /** Readiness beyond the database: nothing when ready, else one sentence for each reason. */
  readiness(): Promise<readonly string[]>;
  /** Version of the service, shown in the API description. */
  readonly version: string;
};

/** `write` includes `read`, `admin` includes both. */
export type Scope = 'read' | 'write' | 'admin';

export type ApiKey = {
  /** Who it was given to; shown in logs and as `requestedBy`. */
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly secret: string;
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
