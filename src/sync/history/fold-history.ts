import type pg from 'pg';

/** Where a folding goes on: behind this account; null from the beginning or at the end. */
export type FoldProgress = {
  /** Accounts whose history was shortened. */
  readonly folded: number;
  /** Changes and states that were removed. */
  readonly removed: number;
  /** The last account that was looked at; null when there are no more. */
  readonly after: string | null;
};

export type FoldOrder = {
  /** What had committed up to this moment is folded into one state of each account. */
  readonly through: Date;
  /** Accounts behind this one; from the beginning where none is given. */
  readonly after?: string | null;
  /** Accounts in one transaction; 200 unless told. */
  readonly accounts?: number;
};

/**
 * Folds the history of the next accounts up to a moment into one state each, in one short transaction, so that they
 * stay known as of every later moment after the events up to then are deleted. Call it until `after` is null.
 */
export async function foldHistory(_pool: pg.Pool, _order: FoldOrder): Promise<FoldProgress> {
  throw new Error('not built yet');
}
