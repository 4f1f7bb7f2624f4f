import { createFaults, type FaultSwitches } from './faults/faults.ts';
import { streamFaults } from './faults/stream-faults.ts';
import { describeSimulator } from './http/describe-org.ts';
import type { HttpContext } from './http/http-context.ts';
import { startHttpServer } from './http/http-server.ts';
import type { Sessions } from './http/sessions.ts';
import type { SimulatorOrg } from './org/org.ts';
import { mintSelfSignedCertificate, type TlsIdentity } from './pubsub/self-signed-certificate.ts';
import { startPubSubServer } from './pubsub/server.ts';
import type { SimulatorOptions } from './simulator-options.ts';
import { createWebhooks } from './webhooks/webhooks.ts';

/** Opens both ports and writes their addresses to `context.endpoints`. If one fails, the other is closed. */
export async function startServers(
  context: HttpContext,
  org: SimulatorOrg,
  switches: FaultSwitches,
  options: SimulatorOptions,
) {
  const { host = '127.0.0.1', httpPort = 0, logger, pubsubPort = 0, tls = false } = options;
  const { endpoints, sessions } = context;
  const identity = identityOf(tls, host);
  const httpIdentity = tls === 'pubsub' ? undefined : identity;
  const pubsub = await startPubSubServer({
    ...options,
    identity,
    bus: org.bus,
    organizationId: org.organizationId,
    port: pubsubPort,
    authenticate: sessions.authenticate,
    faults: streamFaults(switches.stream, switches.context),
  }).catch((error: unknown) => {
    throw portError(error, pubsubPort);
  });
  endpoints.pubsubEndpoint = `${reachable(host)}:${pubsub.port}`;
  if (identity !== undefined) endpoints.certificate = identity.cert;
  const faults = createFaults(switches, { org, pubsub, bulkJobs: context.bulk.jobs, now: context.now });
  const adminToken = lastingToken(sessions, org.named.admin.id);
  const disconnectStreams = (errorCode?: string) => void pubsub.disconnect(errorCode);
  const moveTo = (url: string) => {
    endpoints.instanceUrl = url;
  };
  const webhooks = createWebhooks(org, switches.webhooks, context.now, () => endpoints.instanceUrl);
  const control = {
    org,
    faults,
    allowance: context.allowance,
    bulk: context.bulk,
    webhooks,
    moveTo,
    describe: () => describeSimulator(context, adminToken()),
    revokeSessions: sessions.revokeAll,
    disconnectStreams,
  };
  const http = await startHttpServer({
    context,
    control,
    host,
    logger,
    port: httpPort,
    identity: httpIdentity,
  }).catch(async (error) => {
    await pubsub.close();
    throw portError(error, httpPort);
  });
  const instanceUrl = `${httpIdentity ? 'https' : 'http'}://${reachable(host)}:${http.port}`;
  endpoints.instanceUrl = options.publicUrl ?? instanceUrl;
  return {
    endpoints: { ...endpoints, instanceUrl },
    faults,
    disconnectStreams,
    moveTo,
    webhooks,
    close: async () => {
      webhooks.stop();
      await Promise.all([http.close(), pubsub.close()]);
    },
  };
}

const identityOf = (tls: NonNullable<SimulatorOptions['tls']>, host: string): TlsIdentity | undefined => {
  if (typeof tls === 'object') return tls;
  return tls ? mintSelfSignedCertificate([...new Set(['localhost', '127.0.0.1', '::1', host])]) : undefined;
};

/** A token for printed examples: it never expires and is replaced if it was revoked. */
const lastingToken = (sessions: Sessions, userId: string) => {
  let token = '';
  return () => {
    if (!sessions.authenticate(token)) token = sessions.issue({ userId, neverExpires: true });
    return token;
  };
};

/** Clients on this machine reach a listener on all addresses by the loopback address. */
const reachable = (host: string): string => {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
};

const portError = (error: unknown, port: number): unknown =>
  error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
    ? Object.assign(new Error(`port ${port} is in use`, { cause: error }), { code: 'EADDRINUSE', port })
    : error;
