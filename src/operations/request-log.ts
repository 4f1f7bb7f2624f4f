import type pg from 'pg';
import { storableJson } from '../db/storable.ts';

/** A request that changed something, or a webhook request. */
export type RequestEntry = {
  readonly at: Date;
  readonly kind: 'action' | 'webhook';
  /** The name of the API key; the address of the sender of a webhook. */
  readonly caller: string;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly requestId: string | null;
  /** Why it was rejected. */
  readonly problem: string | null;
  /** Events in the webhook. */
  readonly received: number | null;
  /** New events among them. */
  readonly stored: number | null;
};

export type RequestLog = {
  add(entry: RequestEntry): void;
  /** Notes that an API key or token was used. */
  used(caller: string): void;
  /** Writes what was noted. */
  close(): Promise<void>;
};

const flushMs = 500;
const usesFlushMs = 30_000;
// Bounds the memory while the database is unreachable; the oldest entries are dropped.
const maxEntries = 5_000;

/** Collects requests and writes them in batches, so that a response does not wait for it. */
export function createRequestLog(pool: pg.Pool, onError: (error: unknown) => void): RequestLog {
  let entries: RequestEntry[] = [];
  const uses = new Map<string, Date>();
  let usesSavedAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();

  const write = async (): Promise<void> => {
    const batch = entries;
    entries = [];
    try {
      if (batch.length > 0) await insertEntries(pool, batch);
      if (uses.size > 0 && Date.now() - usesSavedAt >= usesFlushMs) await saveUses();
    } catch (error) {
      entries = [...batch, ...entries].slice(-maxEntries);
      onError(error);
      schedule();
    }
  };
  const saveUses = async (): Promise<void> => {
    const batch = [...uses].map(([name, at]) => ({ name, at }));
    await saveKeyUses(pool, batch);
    usesSavedAt = Date.now();
    for (const { name, at } of batch) if (uses.get(name) === at) uses.delete(name);
  };
  const schedule = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      writing = writing.then(write);
    }, flushMs).unref();
  };
  return {
    add(entry) {
      entries.push(entry);
      if (entries.length > maxEntries) entries.shift();
      schedule();
    },
    used(caller) {
      uses.set(caller, new Date());
      if (Date.now() - usesSavedAt >= usesFlushMs) schedule();
    },
    async close() {
      clearTimeout(timer);
      timer = undefined;
      await writing;
      usesSavedAt = 0;
      await write();
      clearTimeout(timer);
    },
  };
}

async function insertEntries(pool: pg.Pool, entries: readonly RequestEntry[]): Promise<void> {
  await pool.query({
    name: 'insert-request-log',
    text: `insert into request_log (at, kind, caller, method, path, status, request_id, problem, received, stored)
           select at, kind, caller, method, path, status, "requestId", problem, received, stored
             from jsonb_to_recordset($1) r (at timestamptz, kind text, caller text, method text, path text, status int,
                                            "requestId" text, problem text, received int, stored int)`,
    values: [storableJson(entries)],
  });
}

async function saveKeyUses(
  pool: pg.Pool,
  uses: readonly { readonly name: string; readonly at: Date }[],
): Promise<void> {
  await pool.query({
    name: 'save-key-uses',
    text: `insert into api_key_uses (name, last_used_at)
           select name, at from jsonb_to_recordset($1) u (name text, at timestamptz) order by name
           on conflict (name) do update set last_used_at = greatest(api_key_uses.last_used_at, excluded.last_used_at)`,
    values: [storableJson(uses)],
  });
}
