import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * Passes bytes on between clients and the gRPC port behind it. Frozen it passes nothing, either way, and keeps
 * every connection: as a client sees it, the network is gone without a word. What came meanwhile is passed on later.
 */
export async function startRelay(options: RelayOptions): Promise<Relay> {
  const sockets = new Set<Socket>();
  let frozen = false;

  function join(from: Socket, to: Socket): void {
    sockets.add(from);
    from.setNoDelay(true);
    from.on('data', (chunk) => {
      if (!to.write(chunk)) from.pause();
    });
    from.on('drain', () => {
      if (!frozen) to.resume();
    });
    from.on('end', () => to.end());
    from.on('error', () => to.resetAndDestroy());
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
    if (frozen) from.pause();
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({ host: options.toHost, port: options.toPort, allowHalfOpen: true });
    join(client, upstream);
    join(upstream, client);
  });
  server.listen(options.port, options.host);
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the relay has no port');

  return {
    port: address.port,
    freeze(on) {
      frozen = on;
      for (const socket of sockets) {
        if (on) socket.pause();
        else socket.resume();
      }
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export type RelayOptions = {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly toHost: string;
  readonly toPort: number;
};

export type Relay = {
  readonly port: number;
  freeze(on: boolean): void;
  close(): Promise<void>;
};
