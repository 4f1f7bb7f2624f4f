import { once } from 'node:events';
import { createServer } from 'node:net';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import type { Bus } from './bus.ts';
import { type PubSubConnections, watchConnections } from './connections.ts';
import { type PubSubFailure, pubSubFailure } from './failures.ts';
import { startRelay } from './relay.ts';
import { mintSelfSignedCertificate, type TlsIdentity } from './self-signed-certificate.ts';
import type { AuthRules } from './service.ts';
import { type PubSubFaults, pubSubMethods, type Session } from './service.ts';
import { loadPubSubService } from './wire.ts';

/** Serves the bus of an org over gRPC. Rejects with code `EADDRINUSE` when the port is taken. */
export async function startPubSubServer(options: PubSubServerOptions): Promise<PubSubServer> {
  const { host = '127.0.0.1', port = 0, tls = false } = options;
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
    keepaliveMs: options.keepaliveMs ?? 60_000,
    idleMs: options.idleMs ?? 60_000,
    faults: options.faults ?? {},
    sessions,
  });
  server.addService(loadPubSubService(), methods);
  const identity =
    tls === true ? mintSelfSignedCertificate([...new Set(['localhost', '127.0.0.1', '::1', host])]) : tls;
  if (port !== 0) await checkPort(host, port);
  const bound = await bind(server, host, options.relayed ? 0 : port, identity);
  const connections = watchConnections(bound);
  const relay = options.relayed
    ? await startRelay({ host, port, toHost: bindable(host), toPort: bound })
    : undefined;
  const stopFreezing =
    relay && options.faults?.onChange?.(() => relay.freeze(options.faults?.isFrozen?.() ?? false));
  return {
    port: relay?.port ?? bound,
    connections,
    ...(identity && { certificate: identity.cert }),
    get sessions() {
      return sessions.size;
    },
    disconnect(reason) {
      const failure = typeof reason === 'string' ? pubSubFailure(reason) : reason;
      const open = [...sessions];
      for (const session of open) {
        if (failure === undefined) session.end();
        else session.fail(failure);
      }
      return open.length;
    },
    async close() {
      connections.close();
      stopFreezing?.();
      await relay?.close();
      for (const session of [...sessions]) session.end();
      server.forceShutdown();
    },
  };
}

function bind(server: Server, host: string, port: number, tls: TlsIdentity | false): Promise<number> {
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

/** A server on every address is reached by this machine's own. */
function bindable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** Rejects as the platform does when a port cannot be bound; gRPC would say so only in words, and log. */
async function checkPort(host: string, port: number): Promise<void> {
  const probe = createServer().listen(port, host);
  await once(probe, 'listening');
  probe.close();
  await once(probe, 'close');
}

/** The largest message of the Pub/Sub API, either way. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

export type PubSubServerOptions = AuthRules & {
  readonly bus: Bus;
  /** `127.0.0.1` unless told. */
  readonly host?: string;
  /** 0, as by default, takes any free one. */
  readonly port?: number;
  readonly tls?: PubSubTls;
  /** Puts a relay before the server, which can freeze. */
  readonly relayed?: boolean;
  /** After this long without a response an empty one is sent, while credit is left; a minute unless told. */
  readonly keepaliveMs?: number;
  /** After this long without credit a stream is closed; a minute unless told. */
  readonly idleMs?: number;
  readonly faults?: PubSubFaults;
};

/** Plaintext, a self-signed certificate made at start, or a given one. */
export type PubSubTls = boolean | TlsIdentity;

export type PubSubServer = {
  readonly port: number;
  /** PEM, when the server speaks TLS: what a client has to trust. */
  readonly certificate?: string;
  /** For what can only be done below gRPC. */
  readonly connections: PubSubConnections;
  /** How many Subscribe calls are open. */
  readonly sessions: number;
  /**
   * Ends every open Subscribe call: cleanly, or with an error code such as `service.unavailable`
   * (under the status that Salesforce uses for it), or with a failure of one's own. Answers how many.
   */
  disconnect(reason?: string | PubSubFailure): number;
  close(): Promise<void>;
};
