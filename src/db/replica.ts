import { runLoop } from '../run-loop.ts';
import { type Database, openDatabase, type Queryable } from './database.ts';

export type ReplicaOptions = {
  readonly url: string;
  readonly schema?: string;
  readonly primary: Queryable;
  readonly onError: (error: Error) => void;
  /** Maximum age of reads in milliseconds; five seconds by default. */
  readonly maxStalenessMs?: number;
};

/** A standby that serves reads while its lag is known to be small. */
export type Replica = {
  readonly database: Database;
  /** Maximum age of a read in milliseconds; null if unknown. */
  behindMs(): number | null;
  /** Whether it can serve a read, by a client that has seen this position of the primary. */
  serves(seen?: Lsn): boolean;
  close(): Promise<void>;
};

/** A position in the write-ahead log (log sequence number), in bytes. */
export type Lsn = bigint;

export const defaultMaxStalenessMs = 5_000;

const pollIntervalMs = 250;

/**
 * Opens a replica and measures its lag. A sample consists of the time, the position of the primary and the position of
 * the replica. The newest sample whose primary position the replica has replayed gives the maximum age of a read. This
 * needs neither synchronized clocks nor traffic, and the age grows while one of the servers does not respond.
 */
export function openReplica(options: ReplicaOptions): Replica {
  const { url, schema = 'public', primary, onError, maxStalenessMs = defaultMaxStalenessMs } = options;
  let state = unknownState;
  const database = openDatabase({
    url,
    schema,
    standby: true,
    max: 10,
    applicationName: 'tidemark replica',
    onError: (error) => {
      // No reads until the next successful sample.
      state = unknownState;
      onError(error);
    },
  });
  const stopping = new AbortController();
  const following = follow(database.pool, primary, stopping.signal, (sample) => {
    state = sample === undefined ? unknownState : addSample(state, sample);
  });
  const behindMs = (): number | null =>
    state.caughtUpAt === undefined ? null : Math.round(performance.now() - state.caughtUpAt);
  return {
    database,
    behindMs,
    serves(seen = 0n) {
      const behind = behindMs();
      return behind !== null && behind <= maxStalenessMs && state.replayed >= seen;
    },
    async close() {
      stopping.abort();
      await following;
      await database.close();
    },
  };
}

export type ReplicaState = {
  /** Position that the replica has replayed. */
  readonly replayed: Lsn;
  /** Time of the newest sample whose primary position it has replayed, by `performance.now()`; undefined if unknown. */
  readonly caughtUpAt: number | undefined;
  /** Samples of the primary that it has not replayed yet, the oldest first. */
  readonly pending: readonly { readonly written: Lsn; readonly at: number }[];
};

export const unknownState: ReplicaState = { replayed: 0n, caughtUpAt: undefined, pending: [] };

export type LagSample = {
  /** Time before both queries, by `performance.now()`. */
  readonly at: number;
  /** Position of the primary; undefined if it did not respond. */
  readonly written: Lsn | undefined;
  readonly replayed: Lsn;
};

// Limits the memory for a replica with a large lag.
const maxPendingSamples = 100;

export function addSample(
  { caughtUpAt, pending }: ReplicaState,
  { at, written, replayed }: LagSample,
): ReplicaState {
  const all = written === undefined ? pending : [...pending, { written, at }];
  const reached = all.findLast((sample) => sample.written <= replayed);
  return {
    replayed,
    caughtUpAt: reached === undefined ? caughtUpAt : reached.at,
    pending: all.filter((sample) => sample.written > replayed).slice(0, maxPendingSamples),
  };
}

async function follow(
  replica: Queryable,
  primary: Queryable,
  signal: AbortSignal,
  onSample: (sample: LagSample | undefined) => void,
): Promise<void> {
  let identity: string | undefined;
  await runLoop({
    step: async () => {
      const at = performance.now();
      // Query the replica after the primary, so that the lag is never underestimated.
      const written = await writtenLsn(primary).catch(() => undefined);
      identity = written?.identity ?? identity;
      const replayed = await replayedLsn(replica).catch(() => undefined);
      const isCopy = replayed?.lsn != null && replayed.identity === identity;
      onSample(isCopy ? { at, written: written?.lsn ?? undefined, replayed: replayed.lsn } : undefined);
      return 'wait';
    },
    pollMs: pollIntervalMs,
    onFailure: () => onSample(undefined),
    signal,
  });
}

type LogPosition = {
  readonly lsn: Lsn | null;
  /** Cluster and database: positions of different clusters cannot be compared. */
  readonly identity: string;
};

const identity = `system_identifier || '/' || current_database() as identity from pg_control_system()`;

/**
 * The flushed position of the primary. The insert position skips to the next segment on a switch, which an idle replica
 * cannot reach: it would seem to lag.
 */
async function writtenLsn(primary: Queryable): Promise<LogPosition | undefined> {
  const { rows } = await primary.query<LogPosition>({
    name: 'flushed-lsn',
    text: `select (pg_current_wal_flush_lsn() - '0/0')::bigint as lsn, ${identity}`,
  });
  return rows[0];
}

/** The replayed position; null if the server was promoted, because it no longer replicates the primary. */
async function replayedLsn(replica: Queryable): Promise<LogPosition | undefined> {
  const { rows } = await replica.query<LogPosition>({
    name: 'replayed-lsn',
    text: `select case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0')::bigint end as lsn, ${identity}`,
  });
  return rows[0];
}

/** The insert position of the primary; all commits are before it. */
export async function insertedLsn(primary: Queryable): Promise<Lsn> {
  const { rows } = await primary.query<{ lsn: bigint }>({
    name: 'inserted-lsn',
    text: `select (pg_current_wal_insert_lsn() - '0/0')::bigint as lsn`,
  });
  return rows[0]?.lsn ?? 0n;
}

/** In the format of PostgreSQL: `16/B374D848`. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/** @returns undefined if the text is not a log sequence number */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(text);
  return match === null ? undefined : (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}
