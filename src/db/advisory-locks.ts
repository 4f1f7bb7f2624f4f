/** The key of an advisory lock as an expression in SQL, to be put into a statement. */
export type AdvisoryLock = `(${string})`;

/** 0 in `public`, another number in every other schema: Tidemarks in one database have locks of their own. */
export const schemaNumber = `case current_schema() when 'public' then 0::bigint else hashtextextended(current_schema(), 0) end`;

export function advisoryLock(key: bigint): AdvisoryLock {
  return `(${key}::bigint # ${schemaNumber})`;
}

/**
 * PostgreSQL's advisory locks are plain numbers that the whole database shares: every one that Tidemark takes is here, so
 * that no two are the same.
 */
export const advisoryLocks = {
  /** One process of all migrates. */
  migrations: advisoryLock(7_245_113_001n),
  /** One transaction of all changes accounts. */
  mirror: advisoryLock(7_245_113_002n),
  /** One process of all writes codes back. */
  writeBack: advisoryLock(7_245_113_003n),
  /** One order of a resync of everything at a time. */
  resyncOrders: advisoryLock(7_245_113_004n),
  /** One process of all makes and drops the indexes that settings ask for. */
  indexes: advisoryLock(7_245_113_005n),
  /** One process of all follows the topic and applies what comes. */
  subscription: advisoryLock(7_245_113_006n),
  /** One process of all sweeps at a time. */
  sweep: advisoryLock(7_245_113_021n),
  /** One transaction of all removes what is old. */
  housekeeping: advisoryLock(7_245_113_020n),
} as const;
