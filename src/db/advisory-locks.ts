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
  /** One transaction at a time changes accounts. */
  accountWrites: advisoryLock(7_245_113_002n),
  /** One order of a resync of everything at a time. */
  resyncOrders: advisoryLock(7_245_113_004n),
  /** One process leads: it does everything that only one may do. */
  leader: advisoryLock(7_245_113_006n),
  /** One sweep at a time. */
  sweep: advisoryLock(7_245_113_021n),
} as const;
