import { createConnection, createServer, type Server, type Socket } from 'node:net';

/**
 * A TCP proxy on loopback that misbehaves on command. What it does applies to the connections that are open and to
 * those that are opened from then on, until `pass`.
 */
export type FaultProxy = {
  readonly port: number;
  /** Connections that are open now. */
  readonly open: number;
  /** Forwards everything, including buffered data. */
  pass(): void;
  /** Connections stay open and are accepted, but nothing goes through, not even an end: half-open. */
  hold(): void;
  /** Open connections stay open and silent, and their number is returned; new connections work. */
  abandon(): number;
  /** Every piece of data comes so much later. */
  slow(delayMs: number): void;
  /** Resets the open connections, and each new one immediately. */
  refuse(): void;
  /** Every open connection ends in an orderly way (FIN), and says how many. */
  cut(): number;
  /** Every open connection is reset (RST), and says how many. */
  reset(): number;
  /** Each connection is reset after this many more bytes towards the server. */
  limit(bytes: number): void;
  /**
   * The next time a client sends something that contains `marker`, it is forwarded and the answer is not: the
   * connection is reset as soon as the server has answered. Resolves when that has happened.
   */
  dropAnswerTo(marker: Buffer): Promise<void>;
  close(): Promise<void>;
};

/** Opens a proxy on an ephemeral port. `target` is called for each connection, because a server may move. */
export async function startFaultProxy(target: () => Target): Promise<FaultProxy> {
  const links = new Set<Link>();
  const abandoned = new WeakSet<Link>();
  const traffic: Traffic = {
    mode: 'pass',
    delayMs: 0,
    budget: Number.POSITIVE_INFINITY,
    trap: undefined,
  };
  const server = createServer((client) => {
    if (traffic.mode === 'refuse') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const link = openLink(client, target(), traffic);
    links.add(link);
    link.closed(() => links.delete(link));
  });
  const port = await listen(server);
  const each = (act: (link: Link) => unknown): number => {
    const open = [...links];
    for (const link of open) act(link);
    return open.length;
  };
  return {
    port,
    get open() {
      return links.size;
    },
    pass() {
      Object.assign(traffic, { mode: 'pass', delayMs: 0, budget: Number.POSITIVE_INFINITY, trap: undefined });
      each((link) => !abandoned.has(link) && link.resume());
    },
    hold() {
      traffic.mode = 'hold';
      each((link) => link.pause());
    },
    abandon: () =>
      each((link) => {
        link.pause();
        abandoned.add(link);
      }),
    slow(delayMs) {
      traffic.delayMs = delayMs;
    },
    refuse() {
      traffic.mode = 'refuse';
      each((link) => link.reset());
    },
    cut: () => each((link) => link.end()),
    reset: () => each((link) => link.reset()),
    limit(bytes) {
      traffic.budget = bytes;
    },
    dropAnswerTo: (marker) =>
      new Promise((sprung) => {
        traffic.trap = { marker, sprung };
      }),
    close: () =>
      new Promise((resolve) => {
        each((link) => link.reset());
        server.close(() => resolve());
      }),
  };
}

/** One client and its server. */
function openLink(client: Socket, { host, port }: Target, traffic: Traffic): Link {
  const server = createConnection({ host, port });
  const toServer = openLane(server, traffic);
  const toClient = openLane(client, traffic);
  // Set once the client's marker was forwarded: the server's next word is swallowed with the connection.
  let trapped: (() => void) | undefined;
  const reset = (): void => {
    client.resetAndDestroy();
    server.resetAndDestroy();
  };
  client.on('data', (data: Buffer) => {
    const { trap } = traffic;
    if (trap !== undefined && data.includes(trap.marker)) {
      traffic.trap = undefined;
      trapped = trap.sprung;
    }
    traffic.budget -= data.length;
    if (traffic.budget < 0) reset();
    else toServer.write(data);
  });
  server.on('data', (data: Buffer) => {
    if (trapped === undefined) {
      toClient.write(data);
      return;
    }
    reset();
    trapped();
  });
  const pause = (): void => {
    client.pause();
    server.pause();
  };
  client.on('end', () => toServer.write(undefined));
  server.on('end', () => toClient.write(undefined));
  client.on('error', () => server.destroy());
  server.on('error', () => client.resetAndDestroy());
  client.on('close', () => server.destroy());
  server.on('close', () => client.destroy());
  if (traffic.mode === 'hold') pause();
  return {
    reset,
    pause,
    end() {
      client.end();
      server.end();
    },
    resume() {
      client.resume();
      server.resume();
    },
    closed: (listener) => client.on('close', listener),
  };
}

/** One direction: what is written arrives in order, each piece after the delay that held when it was written. */
function openLane(to: Socket, traffic: Traffic): { write(data: Buffer | undefined): void } {
  const waiting: { readonly data: Buffer | undefined; readonly due: number }[] = [];
  const deliver = (data: Buffer | undefined): void => {
    if (data === undefined) to.end();
    else if (to.writable) to.write(data);
  };
  const drain = (): void => {
    for (let [next] = waiting; next !== undefined; [next] = waiting) {
      const restMs = next.due - Date.now();
      if (restMs > 0) {
        setTimeout(drain, restMs);
        return;
      }
      waiting.shift();
      deliver(next.data);
    }
  };
  return {
    write(data) {
      if (traffic.delayMs === 0 && waiting.length === 0) {
        deliver(data);
        return;
      }
      waiting.push({ data, due: Date.now() + traffic.delayMs });
      if (waiting.length === 1) drain();
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('the proxy has no port'));
      else resolve(address.port);
    });
  });
}

export type Target = { readonly host: string; readonly port: number };

type Traffic = {
  mode: 'pass' | 'hold' | 'refuse';
  delayMs: number;
  /** Bytes towards servers until every connection that sends more is reset. */
  budget: number;
  trap: { readonly marker: Buffer; readonly sprung: () => void } | undefined;
};

type Link = {
  end(): void;
  reset(): void;
  pause(): void;
  resume(): void;
  closed(listener: () => void): void;
};
