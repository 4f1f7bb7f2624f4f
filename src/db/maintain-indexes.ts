import pg from 'pg';
import { fillAccountTexts } from './fill-account-texts.ts';
import { logFailure } from './log-failure.ts';
import { connectionTo } from './servers.ts';
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
  readonly databaseUrl: string;
  /** Paths of the fields that have an index. */
  readonly fields: readonly string[];
  readonly logger: Logger;
};

/**
 * Creates the wanted indexes of accounts while everything else goes on, and drops those that are no longer wanted. An
 * index that was left half built is built again. An abort cancels what is being built. Never rejects.
 */
export async function maintainIndexes(options: IndexOptions, signal: AbortSignal): Promise<void> {
  await withConnection(options, signal).catch((error: Error) => {
    if (!signal.aborted) logFailure(options.logger, error, 'index maintenance failed');
  });
}

async function withConnection(
  { databaseUrl, fields, logger }: IndexOptions,
  held: AbortSignal,
): Promise<void> {
  // An index of a large table takes as long as it takes, and waits for every transaction that is older.
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
  held.addEventListener('abort', cancel);
  try {
    const reason = (await readTrigramOperators(client)) === null ? await addTrigrams(client) : undefined;
    if (reason !== undefined)
      logger.warn({ reason }, 'without pg_trgm, searching accounts reads all of them');
    const wanted = wantedIndexes(fields, await readTrigramOperators(client));
    await doWork(client, indexWork(wanted, await readPresentIndexes(client)), logger, held);
  } finally {
    held.removeEventListener('abort', cancel);
    await client.end().catch(() => {});
  }
}

async function doWork(client: pg.Client, work: IndexWork, logger: Logger, held: AbortSignal): Promise<void> {
  for (const name of work.drop) {
    if (held.aborted) return;
    await client.query(`drop index concurrently if exists ${client.escapeIdentifier(name)}`);
    logger.info({ index: name }, 'dropped an index');
  }
  for (const { name, definition } of work.create) {
    if (name === textsIndex) await fillAccountTexts(client, held);
    if (held.aborted) return;
    await client.query(`create index concurrently ${client.escapeIdentifier(name)} on ${definition}`);
    logger.info({ index: name }, 'made an index');
  }
  // The planner knows nothing of the values of an expression before.
  if (work.create.length > 0 && !held.aborted) await client.query('analyze accounts, account_texts');
}

/** Asks from another connection: this one is busy. */
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
    // Then it is built to its end.
  } finally {
    await client.end().catch(() => {});
  }
}

type Logger = Record<'debug' | 'info' | 'warn', (fields: object, message: string) => void>;
