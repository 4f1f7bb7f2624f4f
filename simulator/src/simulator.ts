import { bulkFaults } from './faults/bulk-faults.ts';
import { eventFaults } from './faults/event-faults.ts';
import { createFaultSwitches, type FaultSwitches, type Faults } from './faults/faults.ts';
import { httpFaults, isWithheldBy, visibilityOf } from './faults/http-faults.ts';
import { recordFaults } from './faults/record-faults.ts';
import { createBulk } from './http/bulk/bulk-context.ts';
import type { BulkJobs } from './http/bulk/bulk-jobs.ts';
import { type Credentials, createCredentials } from './http/credentials.ts';
import type { HttpContext } from './http/http-context.ts';
import { createQueryCursors } from './http/query-cursors.ts';
import { type Allowance, createRequestAllowance } from './http/request-allowance.ts';
import { createSessions } from './http/sessions.ts';
import type { Audit } from './org/audit.ts';
import { manyFields } from './org/many-fields.ts';
import { createOrg, type SimulatorOrg } from './org/org.ts';
import { keyPrefixOf, toLongId } from './org/record-id.ts';
import { visibleOrg } from './org/visible-org.ts';
import type { Bus } from './pubsub/bus.ts';
import type { SimulatorOptions } from './simulator-options.ts';
import { startServers } from './start-servers.ts';
import type { Webhooks } from './webhooks/webhooks.ts';

/**
 * Starts a Salesforce org in this process: OAuth, SOAP and REST over HTTP, the Pub/Sub API over gRPC.
 * Rejects with code `EADDRINUSE` and the port if a port is in use.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const switches = createFaultSwitches(options);
  const org = openOrg(options, switches);
  try {
    const { publicKey, ...credentials } = await createCredentials();
    const context = createContext(org, { ...credentials, publicKey }, switches, options);
    const servers = await startServers(context, org, switches, options);
    const { allowance, bulk, sessions } = context;
    return {
      ...servers.endpoints,
      organizationId: org.organizationId,
      credentials,
      org,
      bus: org.bus,
      audit: org.audit,
      faults: servers.faults,
      webhooks: servers.webhooks,
      allowance,
      bulk: { log: bulk.jobs.log, clearLog: bulk.jobs.clearLog, allowance: bulk.allowance },
      sessions: {
        issue: ({ userId = org.named.integration.id, neverExpires = false } = {}) =>
          sessions.issue({ userId, neverExpires }),
        revokeAll: sessions.revokeAll,
      },
      disconnectStreams: servers.disconnectStreams,
      moveTo: servers.moveTo,
      close: async () => {
        await servers.close();
        bulk.jobs.close();
        org.close();
      },
    };
  } catch (error) {
    org.close();
    throw error;
  }
}

/** Accounts of the journal are kept; `accounts` applies to an empty org. */
function openOrg(options: SimulatorOptions, switches: FaultSwitches): SimulatorOrg {
  const { accounts = 0, customFields = 0, organizationId, seed = 1 } = options;
  const otherSchemaId = (): string => org.others.entities.Contact.writer.schemaId;
  const org = createOrg({
    ...options,
    ...(organizationId !== undefined && { organizationId: checkedId(organizationId) }),
    faults: {
      ...eventFaults(switches.events, otherSchemaId),
      ...recordFaults(switches.records),
      isWithheld: isWithheldBy(switches.rest),
    },
  });
  switches.events.delayed.onOff(org.bus.release);
  const missing = manyFields(customFields).filter(({ name }) => org.field(name) === undefined);
  if (missing.length > 0) org.addFields(missing);
  if (accounts > 0 && org.size === 0) org.seed(accounts, seed);
  return org;
}

function checkedId(organizationId: string): string {
  const id = toLongId(organizationId);
  if (id !== undefined && keyPrefixOf(id) === '00D') return id;
  throw new RangeError(`organizationId must be the id of an org, 00D…, not ${organizationId}`);
}

function createContext(
  org: SimulatorOrg,
  credentials: Credentials,
  switches: FaultSwitches,
  options: SimulatorOptions,
): HttpContext {
  const now = options.now ?? Date.now;
  const { organizationId } = org;
  const visible = visibleOrg(org, visibilityOf(switches.rest, org.named.integration.id));
  const sessions = createSessions({
    organizationId,
    lifetimeMs: options.tokenLifetimeMs ?? 2 * HOUR_MS,
    now,
  });
  sessions.addRefreshToken(credentials.refreshToken, org.named.integration.id);
  return {
    org: visible,
    credentials,
    faults: httpFaults(switches.rest, switches.oauth),
    sessions,
    allowance: createRequestAllowance(options.dailyApiRequests ?? 100_000, now),
    cursors: createQueryCursors({ lifetimeMs: options.queryLifetimeMs ?? HOUR_MS / 4, now }),
    bulk: createBulk(visible, bulkFaults(switches.bulk), options),
    endpoints: { instanceUrl: '', pubsubEndpoint: '' },
    now,
  };
}

const HOUR_MS = 3_600_000;

export type Simulator = {
  /** `http://127.0.0.1:8080`, or with https; also the login URL. */
  readonly instanceUrl: string;
  /** `127.0.0.1:7443` */
  readonly pubsubEndpoint: string;
  /** PEM, if the servers use TLS: the certificate that clients must trust. */
  readonly certificate?: string;
  /** 18 characters. */
  readonly organizationId: string;
  readonly credentials: Omit<Credentials, 'publicKey'>;
  readonly org: SimulatorOrg;
  readonly bus: Bus;
  /** Every write of a record and its caller. */
  readonly audit: Audit;
  /** Also over HTTP under `/simulator/faults`. */
  readonly faults: Faults;
  /** Also over HTTP under `/simulator/webhooks`. */
  readonly webhooks: Webhooks;
  /** The daily limit of API requests; also over HTTP under `/simulator/allowance`. */
  readonly allowance: Allowance;
  /** The bulk query jobs of clients and their daily limit; also over HTTP under `/simulator/bulk`. */
  readonly bulk: Pick<BulkJobs, 'log' | 'clearLog'> & { readonly allowance: Allowance };
  readonly sessions: {
    /** A new access token, by default of the integration user. */
    issue(options?: { readonly userId?: string; readonly neverExpires?: boolean }): string;
    /** Ends every session and returns their number; refresh tokens stay valid. */
    revokeAll(): number;
  };
  /** Ends every open stream: cleanly, or with an error code such as `service.unavailable`. */
  disconnectStreams(errorCode?: string): void;
  /** Sign-ins return this instance URL from now on. The caller runs a server there. */
  moveTo(url: string): void;
  close(): Promise<void>;
};
