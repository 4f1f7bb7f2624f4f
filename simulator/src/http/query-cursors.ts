import { randomBytes } from 'node:crypto';
import type { FieldDefinition, OrgRecord } from '../org/model.ts';

/** The results of queries with several pages, until their idle timeout. */
export const createQueryCursors = ({ lifetimeMs, now }: CursorOptions) => {
  const cursors = new Map<string, Cursor>();
  const dropExpired = () => {
    for (const [id, { lastUsed }] of cursors) if (now() - lastUsed >= lifetimeMs) cursors.delete(id);
  };
  return {
    /** Stores rows and returns their id; beyond 50 the oldest are removed. */
    open: (rows: QueryRows): string => {
      dropExpired();
      const [oldest] = cursors.keys();
      if (oldest !== undefined && cursors.size >= maxCursors) cursors.delete(oldest);
      const id = `0r8${randomBytes(12).toString('base64url').replaceAll(/[-_]/g, 'x')}`;
      cursors.set(id, { rows, lastUsed: now() });
      return id;
    },
    /** The rows of an id; undefined if it is unknown or expired. */
    read: (id: string): QueryRows | undefined => {
      dropExpired();
      const cursor = cursors.get(id);
      if (!cursor) return undefined;
      cursor.lastUsed = now();
      return cursor.rows;
    },
  };
};

const maxCursors = 50;

export type QueryCursors = ReturnType<typeof createQueryCursors>;

export type QueryRows = {
  readonly fields: readonly FieldDefinition[];
  readonly records: readonly OrgRecord[];
  readonly batchSize: number;
};

type CursorOptions = { readonly lifetimeMs: number; readonly now: () => number };

type Cursor = { readonly rows: QueryRows; lastUsed: number };
