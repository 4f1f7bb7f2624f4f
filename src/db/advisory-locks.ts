import type { Queryable } from './database.ts';

/** SQL expression for the key of an advisory lock. */
export type AdvisoryLock = `(${string})`;

/** SQL expression that makes lock keys unique per schema: 0 in `public`, a hash of the name elsewhere. */
export const schemaKey = `case current_schema() when 'public' then 0::bigint else hashtextextended(current_schema(), 0) end`;

export function advisoryLock(key: bigint): AdvisoryLock {
  return `(${key}::bigint # ${schemaKey})`;
}

/**
 * All advisory locks of Tidemark. Keys are numbers that are shared by the whole database, so they are defined in one
 * place.
 */
export const advisoryLocks = {
  /** Only one process migrates. */
  migrations: advisoryLock(7_245_113_001n),
  /** Only one transaction changes accounts. */
  accountWrites: advisoryLock(7_245_113_002n),
  /** Only one request for a full resync is processed. */
  resyncOrders: advisoryLock(7_245_113_004n),
  /** Held by the leader. */
  leader: advisoryLock(7_245_113_006n),
  /** Only one transaction compares the fields of Account with those that Salesforce described last. */
  fieldChecks: advisoryLock(7_245_113_007n),
  /** Only one sweep runs. */
  sweep: advisoryLock(7_245_113_021n),
} as const;

/** Blocks other writers of accounts until the end of the transaction, which prevents deadlocks between them. */
export async function lockAccountWrites(client: Queryable): Promise<void> {
  await client.query({
    name: 'lock-mirror',
    text: `select pg_advisory_xact_lock(${advisoryLocks.accountWrites})`,
  });
}
