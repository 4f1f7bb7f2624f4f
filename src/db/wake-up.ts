import pg from 'pg';
import { withTimeout } from '../run-loop.ts';
import type { Queryable } from './database.ts';
import { connectionTo } from './servers.ts';

// Channels are shared by the whole database, so a schema other than `public` has a channel of its own.
const channelSql = `case current_schema() when 'public' then 'tidemark' else 'tidemark_' || md5(current_schema()) end`;

/**
 * The reason of a wake-up: stored events, applied events, due codes, progress of a resync, a released lease, a request
 * to reconnect to Salesforce, an opened or closed incident, a new schema of events. A wake-up is only a hint; the receiver queries the state.
 */
export type Wake =
  | 'apply'
  | 'applied'
  | 'write-back'
  | 'resync'
  | 'lease'
  | 'reconnect'
  | 'incident'
  | 'schema';

/** Sends a wake-up that takes effect when the surrounding transaction commits. */
export async function sendWakeUp(client: Queryable, wake: Wake): Promise<void> {
  await client.query({ name: 'wake-up', text: `select pg_notify(${channelSql}, $1)`, values: [wake] });
}

/** SQL expression that sends a wake-up, for a column of another statement. */
export function wakeUpSql(wake: Wake): string {
  return `pg_notify(${channelSql}, '${wake}')`;
}

export type WakeUps = {
  /** Resolves at the next wake-up of this kind, after `ms` at the latest. */
  next(wake: Wake, ms: number): Promise<void>;
  /**
   * Receives the notifications of another channel on the same connection.
   * @param channel an identifier that needs no quotes
   * @param onListening called whenever the connection listens; notifications before that were lost
   */
  listen(
    channel: string,
    onNotification: (payload: string) => void,
    onListening: () => void,
  ): Promise<{ close(): Promise<void> }>;
  close(): Promise<void>;
};

type Subscriber = {
  readonly onNotification: (payload: string) => void;
  readonly onListening: () => void;
};

// Detects a dead connection, which otherwise looks like an idle one.
const defaultProbeIntervalMs = 10_000;

/**
 * Listens on a connection of its own, which is reopened when it breaks or does not respond. Meanwhile, waits end after
 * their maximum time.
 */
export function listenForWakeUps(
  url: string,
  onError: (error: Error) => void,
  probeIntervalMs: number = defaultProbeIntervalMs,
  onListening: () => void = () => {},
): WakeUps {
  const waiting = new Map<Wake, Set<() => void>>();
  const subscribers = new Map<string, Subscriber>();
  let client: pg.Client | undefined;
  /** The same client once it listens, or begins to. */
  let listening: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let probing: NodeJS.Timeout | undefined;
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
    listening = undefined;
    clearInterval(probing);
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
      // A probe and a new channel may overlap.
      pipeline: true,
    });
    const failed = (error: Error): void => {
      if (client === fresh) reconnect(error);
    };
    client = fresh;
    fresh.on('error', failed);
    fresh.on('notification', ({ channel, payload = '' }) => {
      const subscriber = subscribers.get(channel);
      if (subscriber !== undefined) return subscriber.onNotification(payload);
      const resolvers = waiting.get(payload as Wake);
      if (resolvers !== undefined) wakeAll([resolvers]);
    });
    const listen = (own: string): Promise<unknown> => fresh.query(listenSql([own, ...subscribers.keys()]));
    fresh
      .connect()
      .then(() => readChannel(fresh))
      .then(async (channel) => {
        // From here on, a channel that is added is listened to by a statement of its own.
        if (client === fresh) listening = fresh;
        await listen(channel);
        // Wake-ups were lost while the connection was down.
        wakeAll();
        if (closed || client !== fresh) return;
        onListening();
        for (const subscriber of subscribers.values()) subscriber.onListening();
        probing = setInterval(() => void listen(channel).catch(failed), probeIntervalMs);
      })
      .catch(failed);
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
    async listen(channel, onNotification, onListening) {
      const subscriber = { onNotification, onListening };
      subscribers.set(channel, subscriber);
      const current = listening;
      current?.query(listenSql([channel])).then(onListening, (error: Error) => {
        if (client === current) reconnect(error);
      });
      return {
        async close() {
          if (subscribers.get(channel) === subscriber) subscribers.delete(channel);
        },
      };
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      clearInterval(probing);
      wakeAll();
      client?.removeAllListeners('error');
      client?.on('error', () => {});
      if (client !== undefined) await withTimeout(500, client.end());
    },
  };
}

async function readChannel(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ channel: string }>(`select ${channelSql} as channel`);
  return rows[0]?.channel ?? 'tidemark';
}

function listenSql(channels: readonly string[]): string {
  return channels.map((channel) => `listen ${channel}`).join('; ');
}
