import { type NetConnectOpts, Socket } from 'node:net';
import pg from 'pg';

/**
 * How node-postgres reaches the database of a connection string. With several hosts, as in libpq
 * (`postgres://user@one:5432,two:5432/tidemark`), each new connection goes to the one among them that is the primary at
 * that moment.
 *
 * What is asked for is libpq's `target_session_attrs=primary`: a primary that takes no writes for a while still serves
 * reads, and there is no other.
 */
export function connectionTo(url: string): Connection {
  const servers = serversOf(url);
  const [first = url] = servers;
  if (servers.length < 2) return { connectionString: first };
  const find = primaryFinder(servers);
  // Name and certificate are those of the first; where the bytes go is decided when the socket connects.
  return { connectionString: first, stream: () => new PrimarySocket(find) };
}

export type Connection = { readonly connectionString: string; readonly stream?: () => Socket };

/** One connection string for each host. */
export function serversOf(url: string): string[] {
  const match = /^(postgres(?:ql)?:\/\/(?:[^@/?]*@)?)([^/?@]*)(.*)$/.exec(url);
  if (match === null) return [url];
  const [, begin = '', hosts = '', rest = ''] = match;
  return hosts.split(',').map((host) => `${begin}${host}${rest}`);
}

export type Address = { readonly host: string; readonly port: number };
type FindPrimary = () => Promise<Address>;

// Many connections open at once after a fail-over: they share one look.
const believedMs = 1_000;
const checkTimeoutMs = 2_000;

/**
 * Finds the primary among the servers. The one of last time is asked first and alone; where it is none any more, all are.
 * Of several that take themselves for primary, the one on the latest timeline is: the others were left behind by a
 * promotion, and one that is older than what was seen before is not gone back to.
 */
function primaryFinder(servers: readonly string[]): FindPrimary {
  let latest = 0;
  let last: string | undefined;
  let found: { readonly at: number; readonly address: Promise<Address> } | undefined;
  const look = async (): Promise<Address> => {
    const known = last === undefined ? undefined : await ask(last).catch(() => undefined);
    const answers =
      known?.isPrimary === true ? [known] : await Promise.allSettled(servers.map(ask)).then(settled);
    const primary = answers
      .filter(({ isPrimary, timeline }) => isPrimary && timeline >= latest)
      .toSorted((a, b) => b.timeline - a.timeline)[0];
    if (primary === undefined) throw new NoPrimaryError(servers.length);
    latest = primary.timeline;
    last = primary.server;
    return primary.address;
  };
  return () => {
    const now = performance.now();
    if (found === undefined || now - found.at > believedMs) {
      const address = look();
      address.catch(() => {
        found = undefined;
      });
      found = { at: now, address };
    }
    return found.address;
  };
}

/** Says it in the way of a host that can't be reached, so that whoever waits for the database waits for this too. */
class NoPrimaryError extends Error {
  override readonly name = 'NoPrimaryError';
  readonly code = 'ECONNREFUSED';
  constructor(count: number) {
    super(`none of the ${count} hosts is a primary that can be reached`);
  }
}

function settled<T>(results: readonly PromiseSettledResult<T>[]): T[] {
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
}

type Answer = {
  readonly server: string;
  readonly address: Address;
  readonly isPrimary: boolean;
  /** Grows with each promotion. */
  readonly timeline: number;
};

async function ask(server: string): Promise<Answer> {
  const client = new pg.Client({
    connectionString: server,
    connectionTimeoutMillis: checkTimeoutMs,
    query_timeout: checkTimeoutMs,
    application_name: 'tidemark looking for the primary',
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

/** Connects to the primary, whatever address it is given. */
class PrimarySocket extends Socket {
  readonly #find: FindPrimary;

  constructor(find: FindPrimary) {
    super();
    this.#find = find;
  }

  override connect(..._given: unknown[]): this {
    this.#find().then(
      (address: NetConnectOpts & Address) => !this.destroyed && super.connect(address),
      (error: Error) => this.destroy(error),
    );
    return this;
  }
}

/**
 * For a pool that needs the primary: a new connection to a standby is given up at once. A name that moves between servers
 * may have pointed to one for a moment; a connection that stays there would be refused every write for as long as it lives.
 *
 * @throws where the server is a standby
 */
export async function refuseStandby(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (rows[0]?.standby === true) throw new StandbyError();
}

class StandbyError extends Error {
  override readonly name = 'StandbyError';
  readonly code = '25006';
  constructor() {
    super('this server is a standby of the database; its primary is needed');
  }
}
