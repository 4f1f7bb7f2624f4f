/**
 * PostgreSQL's advisory locks are plain numbers that the whole database shares: every one that Tidemark takes is here, so
 * that no two are the same.
 */
export const advisoryLocks = {
  /** One process of all migrates. */
  migrations: 7_245_113_001n,
  /** One transaction of all changes accounts. */
  mirror: 7_245_113_002n,
  /** One process of all writes codes back. */
  writeBack: 7_245_113_003n,
  /** One order of a resync of everything at a time. */
  resyncOrders: 7_245_113_004n,
  /** One process of all makes and drops the indexes that settings ask for. */
  indexes: 7_245_113_005n,
  /** One process of all follows the topic and applies what comes. */
  subscription: 7_245_113_006n,
  /** One process of all sweeps at a time. */
  sweep: 7_245_113_021n,
  /** One transaction of all removes what is old. */
  housekeeping: 7_245_113_020n,
} as const;
