import { createConnection, createServer, type Socket } from 'node:net';

/** A load balancer of TCP connections on loopback, as simple as they get: in turns, among those that are ready. */
export type RoundRobin = {
  readonly url: string;
  /** Whether its last look found that backend ready. */
  hasFound(backend: string): boolean;
  /** Clients that came while it knew of no backend that was ready. */
  readonly turnedAway: number;
  close(): Promise<void>;
};

const checkEveryMs = 100;

/** @param backends base URLs; each is asked at `/health/ready` */
export async function startRoundRobin(backends: readonly string[]): Promise<RoundRobin> {
  const ready = new Set<string>();
  const sockets = new Set<Socket>();
  let turn = 0;
  let turnedAway = 0;
  let closed = false;

  const checking = backends.map(async (backend) => {
    while (!closed) {
      const isReady = await fetch(`${backend}/health/ready`, { signal: AbortSignal.timeout(2_000) }).then(
        async (answer) => {
          await answer.body?.cancel();
          return answer.ok;
        },
        () => false,
      );
      if (isReady) ready.add(backend);
      else ready.delete(backend);
      await new Promise((resolve) => setTimeout(resolve, checkEveryMs));
    }
  });
  const server = createServer({ pauseOnConnect: true }, (client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.on('close', () => sockets.delete(client));
    const first = turn++;
    const candidates = [...ready];
    const inTurn = candidates.map((_, place) => candidates[(first + place) % candidates.length] ?? '');
    connectToFirst(client, inTurn, () => {
      turnedAway++;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    hasFound: (backend) => ready.has(backend),
    get turnedAway() {
      return turnedAway;
    },
    async close() {
      closed = true;
      await Promise.all(checking);
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A backend that no longer listens is skipped; nothing has been sent to it yet. */
function connectToFirst(client: Socket, backends: readonly string[], onNone: () => void): void {
  const [next, ...others] = backends;
  if (next === undefined) {
    onNone();
    return;
  }
  const { hostname, port } = new URL(next);
  const backend = createConnection({ host: hostname, port: Number(port), allowHalfOpen: true });
  backend.once('error', () => connectToFirst(client, others, onNone));
  backend.once('connect', () => {
    backend.removeAllListeners('error');
    backend.on('error', () => client.resetAndDestroy());
    client.on('error', () => backend.destroy());
    client.on('close', () => backend.destroy());
    client.pipe(backend);
    backend.pipe(client);
  });
}
