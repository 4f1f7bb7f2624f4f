import { type NetConnectOpts, Socket } from 'node:net';
import pg from 'pg';

/**
 * Connection options of node-postgres for a connection string. With several hosts, as in libpq
 * (`postgres://user@one:5432,two:5432/tidemark`), each new connection goes to the current primary.
 *
 * Corresponds to `target_session_attrs=primary` of libpq: a primary that is temporarily read-only still serves reads.
 */
export function connectionTo(url: string): Connection {
  const servers = serversOf(url);
  const [first = url] = servers;
  if (servers.length < 2) return { connectionString: first };
  const find = primaryFinder(servers);
  // The user and the TLS host name are those of the first host; the socket selects the server when it connects.
  return { connectionString: first, stream: () => new PrimarySocket(find) };
}

export type Connection = { readonly connectionString: string; readonly stream?: () => Socket };

/** Splits a connection string with several hosts into one per host. */
export function serversOf(url: string): string[] {
  const match = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?@]*)(.*)$/.exec(url);
  if (match === null) return [url];
  const [, begin = '', hosts = '', rest = ''] = match;
  return hosts.split(',').map((host) => `${begin}${host}${rest}`);
}

export type Address = { readonly host: string; readonly port: number };
type FindPrimary = () => Promise<Address>;

// After a failover, many connections open at once and share one search.
const cacheMs = 1_000;
const checkTimeoutMs = 2_000;

/**
 * Finds the primary among the servers. The last known primary is checked first; if it is not primary any more, all
 * servers are. If several servers claim to be primary, the one on the latest timeline wins, because the others are from
 * before a promotion. A server on an earlier timeline than the last primary is never used.
 */
function primaryFinder(servers: readonly string[]): FindPrimary {
  let latest = 0;
  let last: string | undefined;
  let found: { readonly at: number; readonly address: Promise<Address> } | undefined;
  const findPrimary = async (): Promise<Address> => {
    const known = last === undefined ? undefined : await readServerStatus(last).catch(() => undefined);
    const statuses =
      known?.isPrimary === true
        ? [known]
        : await Promise.allSettled(servers.map(readServerStatus)).then(fulfilledValues);
    const primary = statuses
      .filter(({ isPrimary, timeline }) => isPrimary && timeline >= latest)
      .toSorted((a, b) => b.timeline - a.timeline)[0];
    if (primary === undefined) throw new NoPrimaryError(servers.length);
    latest = primary.timeline;
    last = primary.server;
    return primary.address;
  };
  return () => {
    const now = performance.now();
    if (found === undefined || now - found.at > cacheMs) {
      const address = findPrimary();
      address.catch(() => {
        found = undefined;
      });
      found = { at: now, address };
    }
    return found.address;
  };
}

/** Has the code of an unreachable host, so that callers retry in the same way. */
class NoPrimaryError extends Error {
  override readonly name = 'NoPrimaryError';
  readonly code = 'ECONNREFUSED';
  constructor(count: number) {
    super(`none of the ${count} hosts is a reachable primary`);
  }
}

function fulfilledValues<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

type ServerStatus = {
  readonly server: string;
  readonly address: Address;
  readonly isPrimary: boolean;
  /** Increases with each promotion. */
  readonly timeline: number;
};

async function readServerStatus(server: string): Promise<ServerStatus> {
  const client = new pg.Client({
    connectionString: server,
    connectionTimeoutMillis: checkTimeoutMs,
    query_timeout: checkTimeoutMs,
    application_name: 'tidemark primary search',
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ isPrimary: boolean; timeline: number }>(
      `select not pg_is_in_recovery() as "isPrimary",
              case when pg_is_in_recovery() then 0
                   else ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end as timeline`,
    );
    const { isPrimary = false, timeline = 0 } = rows[0] ?? {};
    return { server, address: { host: client.host, port: client.port }, isPrimary, timeline };
  } finally {
    await client.end().catch(() => {});
  }
}

/** Connects to the primary and ignores the given address. */
class PrimarySocket extends Socket {
  readonly #find: FindPrimary;

  constructor(find: FindPrimary) {
    super();
    this.#find = find;
  }

  override connect(..._args: unknown[]): this {
    this.#find().then(
      (address: NetConnectOpts & Address) => !this.destroyed && super.connect(address),
      (error: Error) => this.destroy(error),
    );
    return this;
  }
}

/**
 * Rejects a new connection to a standby. During a failover a DNS name can point to a standby temporarily, and every
 * write on such a connection would fail.
 *
 * @throws StandbyError
 */
export async function refuseStandby(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby === true) throw new StandbyError();
}

class StandbyError extends Error {
  override readonly name = 'StandbyError';
  readonly code = '25006';
  constructor() {
    super('this server is a standby; a connection to the primary is required');
  }
}
