import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/**
 * A TCP relay between clients and the gRPC port. While frozen it forwards nothing and keeps every connection, as a
 * network failure without a reset. Pending bytes are forwarded later.
 */
export async function startRelay(options: RelayOptions) {
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
    freeze(on: boolean): void {
      frozen = on;
      for (const socket of sockets) {
        if (on) socket.pause();
        else socket.resume();
      }
    },
    async close(): Promise<void> {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

export type RelayOptions = {
  readonly host: string;
  /** 0 selects a free port. */
  readonly port: number;
  readonly toHost: string;
  readonly toPort: number;
};
