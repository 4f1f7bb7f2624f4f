import { setTimeout as pause } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { withTimeout } from '../run-loop.ts';
import { isTracing } from '../tracing.ts';
import { PrismaClient } from './generated/client.ts';
import { connectionTo, refuseStandby } from './servers.ts';
import { traceQueries } from './trace-queries.ts';

export type DatabaseOptions = {
  /** May name several hosts; see `connectionTo`. */
  readonly url: string;
  /** Schema for the statements of Prisma, which ignore the search path; `public` by default. */
  readonly schema?: string;
  /** Whether connections to a standby are accepted, for reads that may lag. */
  readonly standby?: boolean;
  /** Maximum number of connections; further callers wait up to five seconds. */
  readonly max?: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Called when a connection breaks. */
  readonly onError?: (error: Error) => void;
};

/** One pool with two interfaces: SQL for hot paths, Prisma for other queries. */
export type Database = {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  close(): Promise<void>;
};

/** A pool, or a client inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

// Without these timeouts, node-postgres hangs for minutes if the network drops packets.
const timeouts = {
  connectionTimeoutMillis: 5_000,
  query_timeout: 35_000,
  statement_timeout: 30_000,
  lock_timeout: 10_000,
  idle_in_transaction_session_timeout: 30_000,
  keepAlive: true,
} as const satisfies pg.PoolConfig;

export function openDatabase(options: DatabaseOptions): Database {
  const pool = new pg.Pool({
    ...timeouts,
    ...connectionTo(options.url),
    ...(options.standby !== true && { onConnect: refuseStandby }),
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'tidemark',
    types: { getTypeParser },
    // Statements that are not awaited one by one are sent at once, and PostgreSQL executes them in order.
    pipeline: true,
  });
  // The pool handles errors of idle connections only; an error of one in use would end the process.
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  pool.on('error', () => {});
  if (isTracing()) pool.on('connect', traceQueries);
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { schema: options.schema ?? 'public' }),
    // Messages without the source code of the call: operators read them.
    errorFormat: 'minimal',
  });
  return {
    pool,
    prisma,
    async close() {
      await prisma.$disconnect();
      // Connections that are still in use end with the process, and their transactions are rolled back.
      await withTimeout(1_000, pool.end());
    },
  };
}

// N conflicting transactions need up to N attempts.
const maxAttempts = 5;

/**
 * Runs `work` in a transaction. If PostgreSQL rolls it back because of a conflict with another transaction, it is
 * retried as a whole, so `work` must have no side effects outside the database.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return retryOnConflict(() => attemptTransaction(pool, work));
}

/** Retries a transaction that consists of a single statement, like {@link inTransaction}. */
export async function retryOnConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === maxAttempts || !isSerializationFailure(error)) throw error;
      await pause(10 * 2 ** attempt * Math.random());
    }
  }
}

/** Whether a transaction was rolled back because of a serialization failure or a deadlock; a retry can succeed. */
function isSerializationFailure(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '40001' || code === '40P01';
}

/**
 * Waits for statements of a transaction that were sent together.
 * @throws the error of the one that failed: PostgreSQL refuses those after it with error 25P02
 */
export async function sentTogether<const T extends readonly Promise<unknown>[]>(
  statements: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(statements);
  const errors: unknown[] = settled.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  if (errors.length > 0)
    throw errors.find((error) => (error as { code?: unknown }).code !== '25P02') ?? errors[0];
  return Promise.all(statements);
}

/** A connection that cannot roll back is destroyed instead of being returned to the pool. */
async function attemptTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    const { command } = await client.query('commit');
    // PostgreSQL answers the commit of a failed transaction with a rollback, not with an error.
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back.');
    return result;
  } catch (error) {
    broken = await rollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/**
 * @returns the error that makes the connection unusable, if any. The timeout is short: the statement may have timed out
 * before.
 */
async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  const timedOut = pause(2_000, new Error('timeout during rollback'), { ref: false });
  const rolledBack = client.query('rollback').then(
    () => undefined,
    (failure: Error) => failure,
  );
  return Promise.race([rolledBack, timedOut]);
}

// int8 is parsed as BigInt, because commit numbers exceed 2^53; so are the elements of int8[].
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') => {
  if (oid === pg.types.builtins.INT8) return BigInt;
  const parse = pg.types.getTypeParser(oid, format as 'text');
  return oid === int8Array ? (text: string) => parse(text).map(BigInt) : parse;
};

const int8Array = 1016;

/**
 * Splits rows into parts for one statement each, so that a large transaction on a slow disk does not exceed the
 * statement timeout.
 */
export function* slices<T>(rows: readonly T[], size = rowsPerStatement): Generator<T[]> {
  for (let start = 0; start < rows.length; start += size) {
    yield rows.slice(start, start + size);
  }
}

const rowsPerStatement = 2_000;

/** Splits two lists of rows for statements that write a part of each. */
export function* pairedSlices<A, B>(first: readonly A[], second: readonly B[]): Generator<[A[], B[]]> {
  for (let start = 0; start < Math.max(first.length, second.length); start += rowsPerStatement) {
    const end = start + rowsPerStatement;
    yield [first.slice(start, end), second.slice(start, end)];
  }
}
