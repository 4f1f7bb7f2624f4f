import pg from 'pg';
import type { Queryable } from './database.ts';
import { connectionTo } from './servers.ts';
import { withTimeout } from './with-timeout.ts';

// Notifications reach the whole database: a schema other than `public` has a channel of its own.
const channelSql = `case current_schema() when 'public' then 'tidemark' else 'tidemark_' || md5(current_schema()) end`;

/**
 * What there may be to look at: events, events that took effect, codes, a resync that went on, a lease that was given
 * up, a request to connect to Salesforce now, an
 * incident that was opened or closed. A wake-up is a hint: the query is the truth.
 */
export type Wake = 'apply' | 'applied' | 'write-back' | 'resync' | 'lease' | 'reconnect' | 'incident';

/** Sends a wake-up that takes effect when the surrounding transaction commits. */
export async function sendWakeUp(client: Queryable, wake: Wake): Promise<void> {
  await client.query({ name: 'wake-up', text: `select pg_notify(${channelSql}, $1)`, values: [wake] });
}

/** The same as a column of a statement that does something besides. */
export function wakeUpSql(wake: Wake): string {
  return `pg_notify(${channelSql}, '${wake}')`;
}

export type WakeUps = {
  /** Resolves at the next wake-up of this kind, at the latest after `ms`. */
  next(wake: Wake, ms: number): Promise<void>;
  /** Wakes everybody who waits here, now. */
  wakeAll(): void;
  close(): Promise<void>;
};

// A connection that fell silent looks like one that nothing is sent on.
const defaultPollIntervalMs = 10_000;

/**
 * Listens on a connection of its own. When that breaks or falls silent, it is opened again; meanwhile the waits run into
 * their limits.
 */
export function listenForWakeUps(
  url: string,
  onError: (error: Error) => void,
  askEveryMs: number = defaultPollIntervalMs,
  onListening: () => void = () => {},
): WakeUps {
  const waiting = new Map<Wake, Set<() => void>>();
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let asking: NodeJS.Timeout | undefined;
  let closed = false;

  const wakeAll = (wakes: Iterable<Set<() => void>> = waiting.values()): void => {
    for (const resolvers of [...wakes]) for (const resolve of [...resolvers]) resolve();
  };
  const reconnect = (error: Error): void => {
    if (closed) return;
    onError(error);
    client?.removeAllListeners();
    client?.on('error', () => {});
    client?.end().catch(() => {});
    client = undefined;
    clearInterval(asking);
    clearTimeout(retry);
    retry = setTimeout(connect, 1_000);
  };
  const connect = (): void => {
    const fresh = new pg.Client({
      ...connectionTo(url),
      connectionTimeoutMillis: 5_000,
      query_timeout: 5_000,
      keepAlive: true,
      application_name: 'tidemark wake-ups',
    });
    const failed = (error: Error): void => {
      if (client === fresh) reconnect(error);
    };
    client = fresh;
    fresh.on('error', failed);
    fresh.on('notification', ({ payload }) => {
      const resolvers = waiting.get(payload as Wake);
      if (resolvers !== undefined) wakeAll([resolvers]);
    });
    fresh
      .connect()
      .then(() => listen(fresh))
      // What was sent while nobody listened is looked for now.
      .then((channel) => {
        wakeAll();
        if (closed || client !== fresh) return;
        onListening();
        asking = setInterval(() => void fresh.query(`listen ${channel}`).catch(failed), askEveryMs);
      }, failed);
  };
  connect();

  return {
    next(wake, ms) {
      const resolvers = waiting.get(wake) ?? new Set();
      waiting.set(wake, resolvers);
      return new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          resolvers.delete(done);
          resolve();
        };
        const timer = setTimeout(done, ms);
        resolvers.add(done);
      });
    },
    wakeAll: () => wakeAll(),
    async close() {
      closed = true;
      clearTimeout(retry);
      clearInterval(asking);
      wakeAll();
      client?.removeAllListeners('error');
      client?.on('error', () => {});
      if (client !== undefined) await withTimeout(500, client.end());
    },
  };
}

/** @returns the channel, which is a plain identifier */
async function listen(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ channel: string }>(`select ${channelSql} as channel`);
  const channel = rows[0]?.channel ?? 'tidemark';
  await client.query(`listen ${channel}`);
  return channel;
}
