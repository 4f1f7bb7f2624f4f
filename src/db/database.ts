import { setTimeout as pause } from 'node:timers/promises';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from './generated/client.ts';
import { connectionTo, refuseStandby } from './servers.ts';
import { withTimeout } from './with-timeout.ts';

export type DatabaseOptions = {
  /** May name several hosts; see `connectionTo`. */
  readonly url: string;
  /** The schema that Prisma names in its statements, which ignore the search path; `public` by default. */
  readonly schema?: string;
  /** Whether a standby will do: for reads that may be a little behind. */
  readonly standby?: boolean;
  /** Connections at most; a caller beyond them waits up to five seconds. */
  readonly max?: number;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName?: string;
  /** Hears of connections that broke. */
  readonly onError?: (error: Error) => void;
};

/** One pool, seen in two ways: SQL for the hot paths, Prisma for ordinary queries. */
export type Database = {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  close(): Promise<void>;
};

/** Whatever runs a statement: a pool, or one client inside a transaction. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

// Every wait has an end: node-postgres by itself hangs for minutes when the network goes silent.
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
  });
  // The pool itself listens to idle connections only: one that breaks while it is out would end the process.
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)));
  pool.on('error', () => {});
  const prisma = new PrismaClient({ adapter: new PrismaPg(pool, { schema: options.schema ?? 'public' }) });
  return {
    pool,
    prisma,
    async close() {
      await prisma.$disconnect();
      // Who still has a connection keeps it until the process ends; its transaction is undone then.
      await withTimeout(1_000, pool.end());
    },
  };
}

// With more than two that get in each other's way, one wins in each round.
const tries = 5;

/**
 * Runs `work` in one transaction on one connection; where PostgreSQL undid it for the sake of another transaction, the
 * whole of it once more. So `work` may run several times, and has no effect but in the database.
 */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return retryOnConflict(() => inOneTransaction(pool, work));
}

/** The same for a transaction that is a single statement. */
export async function retryOnConflict<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === tries || !isSerializationFailure(error)) throw error;
      await pause(10 * 2 ** attempt * Math.random());
    }
  }
}

/** Serialization failure and deadlock: nothing of the transaction took place, and nothing was wrong with it. */
function isSerializationFailure(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === '40001' || code === '40P01';
}

/** A connection that can't even roll back is thrown away, not returned to the pool. */
async function inOneTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    broken = await rollBack(client);
    throw error;
  } finally {
    client.release(broken);
  }
}

/** Why a connection can't be used any more, if so. One that is silent was waited for once already. */
async function rollBack(client: pg.PoolClient): Promise<Error | undefined> {
  const { promise: tooLate, resolve } = Promise.withResolvers<Error>();
  const timer = setTimeout(resolve, 2_000, new Error('no answer to rollback'));
  const rolledBack = client.query('rollback').then(
    () => undefined,
    (failure: Error) => failure,
  );
  try {
    return await Promise.race([rolledBack, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

// int8 arrives as BigInt: commit numbers lie beyond 2^53.
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  oid === pg.types.builtins.INT8 ? BigInt : pg.types.getTypeParser(oid, format as 'text');

/**
 * Slices of what one statement may take: the limit of a statement is meant for one that hangs, not for a large
 * transaction on a slow disk.
 */
export function* slices<T>(rows: readonly T[], size = rowsPerStatement): Generator<T[]> {
  for (let start = 0; start < rows.length; start += size) {
    yield rows.slice(start, start + size);
  }
}

const rowsPerStatement = 2_000;
