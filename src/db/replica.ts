import { runLoop } from '../run-loop.ts';
import { type Database, openDatabase, type Queryable } from './database.ts';

export type ReplicaOptions = {
  readonly url: string;
  readonly schema?: string;
  readonly primary: Queryable;
  readonly onError: (error: Error) => void;
  /** Reads are at most so old, in milliseconds; five seconds unless told. */
  readonly boundMs?: number;
};

/** A standby that serves reads, as long as it is known to be close behind the primary. */
export type Replica = {
  readonly database: Database;
  /** Milliseconds that a read may be behind; null while that is not known. */
  behindMs(): number | null;
  /** Whether it may serve a read now, and one by somebody who has seen this place in the log of the primary. */
  serves(seen?: Lsn): boolean;
  close(): Promise<void>;
};

/** A place in the write-ahead log, in bytes from its beginning. */
export type Lsn = bigint;

export const stalenessBoundMs = 5_000;

const pollIntervalMs = 250;

/**
 * Follows how far a replica is behind. The measure needs no common clock and no traffic: what the primary had written at
 * a moment of this process' clock, and that the replica has replayed as much. So the newest such moment is how old a read
 * can be at most, and a primary or a replica that does not answer makes it older and older.
 */
export function openReplica(options: ReplicaOptions): Replica {
  const { url, schema = 'public', primary, onError, boundMs = stalenessBoundMs } = options;
  let state = unknownState;
  const database = openDatabase({
    url,
    schema,
    standby: true,
    max: 10,
    applicationName: 'tidemark replica',
    onError: (error) => {
      // Whatever it was, nobody is sent there until it has answered again.
      state = unknownState;
      onError(error);
    },
  });
  const stopping = new AbortController();
  const following = follow(database.pool, primary, stopping.signal, (look) => {
    state = look === undefined ? unknownState : advance(state, look);
  });
  const behindMs = (): number | null =>
    state.equalAt === undefined ? null : Math.round(performance.now() - state.equalAt);
  return {
    database,
    behindMs,
    serves(seen = 0n) {
      const behind = behindMs();
      return behind !== null && behind <= boundMs && state.replayed >= seen;
    },
    async close() {
      stopping.abort();
      await following;
      await database.close();
    },
  };
}

export type ReplicaState = {
  /** The log that the replica has replayed. */
  readonly replayed: Lsn;
  /** The newest moment whose log it has replayed, by the clock of this process; undefined while none is known. */
  readonly equalAt: number | undefined;
  /** Places of the primary's log that it has not replayed yet, the oldest first. */
  readonly ahead: readonly { readonly written: Lsn; readonly at: number }[];
};

export const unknownState: ReplicaState = { replayed: 0n, equalAt: undefined, ahead: [] };

export type Look = {
  /** The moment before either was asked. */
  readonly at: number;
  /** Undefined where the primary did not answer. */
  readonly written: Lsn | undefined;
  readonly replayed: Lsn;
};

// A replica that is an hour behind is not worth remembering every look of that hour.
const remembered = 100;

export function advance({ equalAt, ahead }: ReplicaState, { at, written, replayed }: Look): ReplicaState {
  const all = written === undefined ? ahead : [...ahead, { written, at }];
  const reached = all.findLast((place) => place.written <= replayed);
  return {
    replayed,
    equalAt: reached === undefined ? equalAt : reached.at,
    ahead: all.filter((place) => place.written > replayed).slice(0, remembered),
  };
}

async function follow(
  replica: Queryable,
  primary: Queryable,
  signal: AbortSignal,
  onLook: (look: Look | undefined) => void,
): Promise<void> {
  let identity: string | undefined;
  await runLoop({
    step: async () => {
      const at = performance.now();
      // The replica is asked after the primary has answered, so it is not asked too little.
      const written = await writtenLsn(primary).catch(() => undefined);
      identity = written?.identity ?? identity;
      const replayed = await replayedLsn(replica).catch(() => undefined);
      const isCopy = replayed?.lsn != null && replayed.identity === identity;
      onLook(isCopy ? { at, written: written?.lsn ?? undefined, replayed: replayed.lsn } : undefined);
      return 'wait';
    },
    pollMs: pollIntervalMs,
    onFailure: () => onLook(undefined),
    signal,
  });
}

type Place = {
  readonly lsn: Lsn | null;
  /** Of the cluster and the database in it: places of two logs can't be compared. */
  readonly identity: string;
};

const identity = `system_identifier || '/' || current_database() as identity from pg_control_system()`;

/**
 * Flushed, not the place of the next insertion: behind a change of segment that is more than anybody has to replay, and a
 * quiet replica would look late.
 */
async function writtenLsn(primary: Queryable): Promise<Place | undefined> {
  const { rows } = await primary.query<Place>({
    name: 'flushed-lsn',
    text: `select (pg_current_wal_flush_lsn() - '0/0')::bigint as lsn, ${identity}`,
  });
  return rows[0];
}

/** Null where it is no standby any more: it was promoted, and is no copy of what the primary writes. */
async function replayedLsn(replica: Queryable): Promise<Place | undefined> {
  const { rows } = await replica.query<Place>({
    name: 'replayed-lsn',
    text: `select case when pg_is_in_recovery() then (pg_last_wal_replay_lsn() - '0/0')::bigint end as lsn, ${identity}`,
  });
  return rows[0];
}

/** Everything that is committed on the primary lies before it. */
export async function insertedLsn(primary: Queryable): Promise<Lsn> {
  const { rows } = await primary.query<{ lsn: bigint }>({
    name: 'inserted-lsn',
    text: `select (pg_current_wal_insert_lsn() - '0/0')::bigint as lsn`,
  });
  return rows[0]?.lsn ?? 0n;
}

/** As PostgreSQL writes it: `16/B374D848`. */
export function formatLsn(lsn: Lsn): string {
  return `${(lsn >> 32n).toString(16)}/${(lsn & 0xffff_ffffn).toString(16)}`.toUpperCase();
}

/** Undefined where the text is none. */
export function parseLsn(text: string): Lsn | undefined {
  const match = /^([0-9a-f]{1,8})\/([0-9a-f]{1,8})$/i.exec(text);
  return match === null ? undefined : (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}
