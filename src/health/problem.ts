/** One thing that is wrong. */
export type Problem = {
  /** Stable; clients and alerts may branch on it. */
  readonly code: string;
  readonly severity: 'degraded' | 'down';
  /** What is wrong, in our own words: may be shown to anybody. */
  readonly summary: string;
  /** The words of Salesforce or PostgreSQL; null if there are none. */
  readonly detail: string | null;
  readonly since: Date | null;
  /** What an operator does about it. */
  readonly action: string;
};
