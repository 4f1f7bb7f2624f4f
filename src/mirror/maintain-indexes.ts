import pg from 'pg';
import type { AppContext } from '../context.ts';
import type { Queryable } from '../db/database.ts';
import { logFailure } from '../db/log-failure.ts';
import { connectionTo } from '../db/servers.ts';
import { runLoop } from '../run-loop.ts';
import { loadMirror, readMirrorObject } from './load-mirror.ts';
import { type MirrorTable, quoted } from './mirror-table.ts';
import {
  addTrigrams,
  type IndexWork,
  indexWork,
  readPresentIndexes,
  readTrigramOperators,
  textsIndex,
  wantedIndexes,
} from './wanted-indexes.ts';

export type IndexOptions = {
  /** Reads which indexes exist. */
  readonly pool: Queryable;
  /** For the connection that builds indexes; opened only if there is work. */
  readonly databaseUrl: string;
  /** Paths of the fields that have an index. */
  readonly fields: readonly string[];
  readonly logger: Logger;
};

// Columns that are added send a wake-up before they are there.
const pollMs = 30_000;
// A build that fails after an hour, because the disk is full, should not begin again at once.
const maxRetryMs = 3_600_000;

/**
 * Maintains the indexes at the start and whenever columns change: the index of a field is on its column. A failure is
 * logged and retried.
 * @param retryMs until the first retry; then twice as long each time, up to an hour
 */
export async function keepIndexes(
  options: IndexOptions & Pick<AppContext, 'wakeUps'>,
  signal: AbortSignal,
  retryMs = 60_000,
): Promise<void> {
  const { pool, wakeUps, logger } = options;
  let maintained: string | undefined;
  await runLoop({
    step: async () => {
      const { version } = await readMirrorObject(pool);
      if (version !== maintained) await maintainIndexes(options, signal);
      maintained = version;
      return 'wait';
    },
    wakeOn: (ms) => wakeUps.next('schema', ms),
    pollMs,
    backoff: (failures) => Math.min(retryMs * 2 ** (failures - 1), maxRetryMs),
    onFailure: (error) => logFailure(logger, error, 'index maintenance failed'),
    signal,
  });
}

/**
 * Creates the wanted indexes of accounts concurrently, and drops those that are no longer wanted. An invalid index is
 * rebuilt. An abort cancels the current statement.
 */
export async function maintainIndexes(
  { pool, databaseUrl, fields, logger }: IndexOptions,
  signal: AbortSignal,
): Promise<void> {
  const reason = (await readTrigramOperators(pool)) === null ? await addTrigrams(pool) : undefined;
  if (reason !== undefined) logger.warn({ reason }, 'pg_trgm is not available; searches scan all accounts');
  const table = await loadMirror(pool);
  const wanted = wantedIndexes(table, fields, await readTrigramOperators(pool));
  const work = indexWork(wanted, await readPresentIndexes(pool, table));
  if (work.drop.length === 0 && work.create.length === 0) return;
  await withConnection(databaseUrl, signal, (client) => doWork(client, table, work, logger, signal));
}

async function withConnection(
  databaseUrl: string,
  signal: AbortSignal,
  work: (client: pg.Client) => Promise<void>,
): Promise<void> {
  // No timeouts: building an index of a large table takes long and waits for all older transactions.
  const client = new pg.Client({
    ...connectionTo(databaseUrl),
    application_name: 'tidemark indexes',
    connectionTimeoutMillis: 5_000,
    statement_timeout: 0,
    lock_timeout: 0,
    keepAlive: true,
  });
  client.on('error', () => {});
  await client.connect();
  const pid = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const cancel = (): void => void cancelStatement(databaseUrl, pid.rows[0]?.pid);
  signal.addEventListener('abort', cancel);
  try {
    await work(client);
  } finally {
    signal.removeEventListener('abort', cancel);
    await client.end().catch(() => {});
  }
}

async function doWork(
  client: pg.Client,
  table: MirrorTable,
  work: IndexWork,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (const name of work.drop) {
    if (signal.aborted) return;
    await client.query(`drop index concurrently if exists ${schemaOf(name, table)}${quoted(name)}`);
    logger.info({ index: name }, 'index dropped');
  }
  for (const { name, definition } of work.create) {
    if (signal.aborted) return;
    await client.query(`create index concurrently ${quoted(name)} on ${definition}`);
    logger.info({ index: name }, 'index created');
  }
  // The planner has no statistics on a new expression yet.
  if (work.create.length > 0 && !signal.aborted) await client.query(`analyze ${table.sql}, account_texts`);
}

/** An index is in the schema of its table. */
function schemaOf(index: string, { sql }: MirrorTable): string {
  return index === textsIndex ? '' : `${sql.slice(0, sql.lastIndexOf('.'))}.`;
}

/** Cancels the statement from another connection, because its own is busy. */
async function cancelStatement(url: string, pid: number | undefined): Promise<void> {
  const client = new pg.Client({
    ...connectionTo(url),
    connectionTimeoutMillis: 5_000,
    query_timeout: 5_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await client.query('select pg_cancel_backend($1)', [pid]);
  } catch {
    // The statement then runs to its end.
  } finally {
    await client.end().catch(() => {});
  }
}

type Logger = Record<'debug' | 'error' | 'info' | 'warn', (fields: object, message: string) => void>;
