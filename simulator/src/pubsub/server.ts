import { once } from 'node:events';
import { createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { SimulatorOptions } from '../simulator-options.ts';
import type { Bus } from './bus.ts';
import { watchConnections } from './connections.ts';
import { type PubSubFailure, pubSubFailure } from './failures.ts';
import { startRelay } from './relay.ts';
import type { TlsIdentity } from './self-signed-certificate.ts';
import type { AuthRules } from './service.ts';
import { type PubSubFaults, pubSubMethods, type Session } from './service.ts';
import { loadPubSubService } from './wire.ts';

/** Serves the bus of an org over gRPC. Rejects with code `EADDRINUSE` if the port is in use. */
export async function startPubSubServer(options: PubSubServerOptions) {
  const { host = '127.0.0.1', identity, port = 0 } = options;
  const sessions = new Set<Session>();
  const server = new Server({
    'grpc.max_receive_message_length': MESSAGE_BYTES,
    'grpc.max_send_message_length': MESSAGE_BYTES,
    'grpc.max_concurrent_streams': 1000,
  });
  const methods = pubSubMethods({
    bus: options.bus,
    organizationId: options.organizationId,
    authenticate: options.authenticate,
    keepaliveMs: options.keepaliveIntervalMs ?? 60_000,
    idleMs: options.zeroCreditTimeoutMs ?? 60_000,
    faults: options.faults ?? {},
    sessions,
  });
  server.addService(loadPubSubService(), methods);
  if (port !== 0) await checkPort(host, port);
  const bound = await bind(server, host, options.networkFaults ? 0 : port, identity);
  const connections = watchConnections(bound);
  const relay = options.networkFaults
    ? await startRelay({ host, port, toHost: bindable(host), toPort: bound })
    : undefined;
  const stopFreezing =
    relay && options.faults?.onChange?.(() => relay.freeze(options.faults?.isFrozen?.() ?? false));
  return {
    port: relay?.port ?? bound,
    /** For faults below gRPC. */
    connections,
    /** Number of open Subscribe calls. */
    get sessions(): number {
      return sessions.size;
    },
    /**
     * Ends every open Subscribe call: cleanly, with an error code such as `service.unavailable` and its status, or
     * with a failure. Returns their number.
     */
    disconnect(reason?: string | PubSubFailure): number {
      const failure = typeof reason === 'string' ? pubSubFailure(reason) : reason;
      const open = [...sessions];
      for (const session of open) {
        if (failure === undefined) session.end();
        else session.fail(failure);
      }
      return open.length;
    },
    async close(): Promise<void> {
      connections.close();
      stopFreezing?.();
      await relay?.close();
      for (const session of [...sessions]) session.end();
      server.forceShutdown();
    },
  };
}

function bind(server: Server, host: string, port: number, tls: TlsIdentity | undefined): Promise<number> {
  const credentials = tls
    ? ServerCredentials.createSsl(null, [
        { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) },
      ])
    : ServerCredentials.createInsecure();
  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, bound) => {
      if (error === null) resolve(bound);
      else reject(error);
    });
  });
}

/** Clients on this machine reach a listener on all addresses by the loopback address. */
function bindable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** Rejects with the error code of the platform if a port cannot be bound; gRPC has only a text, and logs it. */
async function checkPort(host: string, port: number): Promise<void> {
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}

/** Maximum size of a message of the Pub/Sub API in both directions. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

export type PubSubServerOptions = AuthRules &
  Pick<SimulatorOptions, 'host' | 'keepaliveIntervalMs' | 'zeroCreditTimeoutMs' | 'networkFaults'> & {
    readonly bus: Bus;
    /** Plaintext if undefined. */
    readonly identity?: TlsIdentity | undefined;
    /** 0, the default, selects a free port. */
    readonly port?: number;
    readonly faults?: PubSubFaults;
  };

export type PubSubServer = Awaited<ReturnType<typeof startPubSubServer>>;
