import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useQuery } from '../query.ts';
import { QueryView } from './query-view.tsx';
import { type Column, Table } from './table.tsx';

export type ListPage<T> = { readonly data: readonly T[]; readonly nextCursor: string | null };

type Props<T> = {
  readonly label: string;
  /** Identifies the list: another key starts at its first page. */
  readonly listKey: readonly unknown[];
  readonly read: (paging: { limit: number; cursor?: string }, signal: AbortSignal) => Promise<ListPage<T>>;
  readonly columns: readonly Column<T>[];
  readonly keyOf: (row: T) => string;
  readonly empty: ComponentChildren;
  readonly limit?: number;
  readonly everyMs?: number;
};

/** A list of the API, page by page. */
export function PagedTable<T>(props: Props<T>) {
  const { label, listKey, read, columns, keyOf, empty, limit = 50, everyMs = 15_000 } = props;
  const identity = JSON.stringify(listKey);
  const [paging, setPaging] = useState<{ list: string; cursors: readonly string[] }>({
    list: identity,
    cursors: [],
  });
  const cursors = paging.list === identity ? paging.cursors : [];
  const cursor = cursors.at(-1);
  const go = (to: readonly string[]): void => setPaging({ list: identity, cursors: to });
  const query = useQuery(
    (signal) => read({ limit, ...(cursor !== undefined && { cursor }) }, signal),
    [identity, cursor],
    everyMs,
  );
  return (
    <QueryView query={query}>
      {({ data, nextCursor }) => (
        <>
          <Table label={label} columns={columns} rows={data} keyOf={keyOf} empty={empty} />
          {(cursor !== undefined || nextCursor !== null) && (
            <nav class="pager" aria-label={`Pages of ${label}`}>
              <button type="button" disabled={cursor === undefined} onClick={() => go(cursors.slice(0, -1))}>
                Previous
              </button>
              <span class="quiet">Page {cursors.length + 1}</span>
              <button
                type="button"
                disabled={nextCursor === null}
                onClick={() => nextCursor !== null && go([...cursors, nextCursor])}
              >
                Next
              </button>
            </nav>
          )}
        </>
      )}
    </QueryView>
  );
}
