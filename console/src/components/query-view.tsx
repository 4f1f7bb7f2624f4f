import type { ComponentChildren } from 'preact';
import type { Query } from '../query.ts';
import { ProblemNote } from './problem.tsx';

type Props<T> = {
  readonly query: Query<T>;
  readonly children: (data: T) => ComponentChildren;
};

/** The data of a query; its error, if there is one; a note while there is neither. */
export function QueryView<T>({ query, children }: Props<T>) {
  const { data, error, reload } = query;
  return (
    <>
      {error !== undefined && <ProblemNote error={error} onRetry={reload} />}
      {data !== undefined ? children(data) : error === undefined && <p class="quiet">Loading…</p>}
    </>
  );
}
