import { Gauge, Registry } from 'prom-client';
import { healthStates, type Verdict } from '../../health/verdict.ts';
import type { HttpDependencies } from '../server-types.ts';
import type { Counts } from './read-counts.ts';
import { type MetricFacts, readMetricFacts } from './read-metric-facts.ts';
import { readLastVerification } from './read-resync-status.ts';
import { readActivity } from './read-write-back-status.ts';

// Limits the load on the database: the endpoint may be public.
const cacheMs = 5_000;
// A Prometheus scrape times out after ten seconds. Without the database, the other metrics are still returned.
const readTimeoutMs = 3_000;

/** Creates a function that reads the metrics of the mirror from the database. */
export function createMirrorMetrics(
  { pool, prisma, topic, version, health }: HttpDependencies,
  readCounts: () => Promise<Counts>,
): () => Promise<Registry> {
  let cached: { readonly at: number; readonly registry: Promise<Registry> } | undefined;
  return () => {
    if (cached === undefined || Date.now() - cached.at > cacheMs) {
      // One after the other: each connection more costs PostgreSQL more than all that is read here.
      const readState = async (): Promise<MirrorState> => [
        await readMetricFacts(pool, topic),
        await readCounts(),
        await readLastVerification(pool),
        await readActivity({ pool, prisma, topic }),
      ];
      cached = { at: Date.now(), registry: buildRegistry(readState(), health(), version) };
    }
    return cached.registry;
  };
}

type Verification = Awaited<ReturnType<typeof readLastVerification>>;
type Activity = Awaited<ReturnType<typeof readActivity>>;
type MirrorState = readonly [MetricFacts, Counts, Verification, Activity];

async function buildRegistry(
  reading: Promise<MirrorState>,
  verdict: Promise<Verdict>,
  version: string,
): Promise<Registry> {
  const registry = new Registry();
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('timeout')), readTimeoutMs);
  const state = await Promise.race([reading, timeout]).catch(() => undefined);
  clearTimeout(timer);
  reading.catch(() => {});
  gauge(registry, 'build_info', 'Always 1; the labels are the version of Tidemark and of Node.js.', [
    'version',
    'node',
  ]).set({ version, node: process.versions.node }, 1);
  gauge(registry, 'database_up', 'Whether the database responded.').set(state ? 1 : 0);
  addHealth(registry, await verdict);
  if (state !== undefined) {
    const [facts, counts, verification, writeBack] = state;
    addCounts(registry, counts);
    addFacts(registry, facts);
    addVerification(registry, verification);
    addWriteBack(registry, writeBack);
  }
  return registry;
}

/** The health is available without the database. */
function addHealth(registry: Registry, { health, problems, lagMs, verifiedThrough }: Verdict): void {
  setOne(registry, 'health', 'Health of the mirror', healthStates, health);
  const reasons = gauge(registry, 'health_reasons', 'Why the mirror is not healthy, by code.', ['code']);
  for (const { code } of problems) reasons.inc({ code });
  setKnown(
    registry,
    'mirror_age_seconds',
    'Time since the mirror was last current.',
    lagMs === null ? null : lagMs / 1_000,
  );
  setKnown(
    registry,
    'verification_age_seconds',
    'Time since the moment up to which a comparison has shown the mirror to equal Salesforce.',
    verifiedThrough === null ? null : Math.max(0, (Date.now() - verifiedThrough.getTime()) / 1_000),
  );
}

function addCounts(registry: Registry, { events, accounts, incidents }: Counts): void {
  gauge(registry, 'backlog_events', 'Events waiting to be applied.').set(events.stored);
  gauge(registry, 'failed_events', 'Events that cannot be applied and are not repaired.').set(events.failed);
  const { active, deleted, stale, byCodeState } = accounts;
  setAll(registry, 'accounts', 'Mirrored accounts.', { active, deleted });
  gauge(registry, 'stale_accounts', 'Accounts waiting to be read again.').set(stale);
  setAll(registry, 'account_codes', 'Active accounts by the state of their signup code.', byCodeState);
  setAll(registry, 'incidents', 'Known gaps that are not repaired.', incidents);
}

function addFacts(registry: Registry, facts: MetricFacts): void {
  setOne(
    registry,
    'subscription_state',
    'State of the subscription',
    subscriptionStates,
    facts.subscriptionState,
  );
  setKnown(registry, 'stream_silence_seconds', 'Time since the last event or keepalive.', facts.silence);
  setKnown(
    registry,
    'stream_position_remaining_seconds',
    'Time until Salesforce, which keeps events for 72 hours, deletes the event of the stored position. A lower bound.',
    facts.positionRemaining,
  );
  gauge(
    registry,
    'oldest_waiting_event_age_seconds',
    'Age of the oldest event of the stream that has not been tried yet; 0 without one.',
  ).set(facts.oldestWaiting);
  setAll(
    registry,
    'invisible_accounts',
    'Accounts that Salesforce does not return, without proof of a deletion.',
    facts.invisible,
  );
  setAll(registry, 'resyncs', 'Unfinished resyncs.', facts.resyncs);
}

function addVerification(registry: Registry, verification: Verification): void {
  setKnown(
    registry,
    'verification_differences',
    'Accounts that differed from Salesforce in the last comparison of all accounts and are not repaired.',
    verification === null ? null : verification.repaired ? 0 : verification.different,
  );
}

function addWriteBack(registry: Registry, { state, row }: Activity): void {
  setOne(registry, 'write_back_state', 'State of the write-back of signup codes', writeBackStates, state);
  const requests = 'API requests of the org within 24 hours';
  setKnown(registry, 'salesforce_api_requests_used', `${requests}, as last reported.`, row?.apiUsed ?? null);
  setKnown(registry, 'salesforce_api_requests_limit', `Limit of the ${requests}.`, row?.apiMax ?? null);
  const percent = row?.apiReservePercent ?? null;
  setKnown(
    registry,
    'salesforce_api_reserve_ratio',
    'Share of the limit that Tidemark leaves to other clients.',
    percent === null ? null : percent / 100,
  );
}

const subscriptionStates = ['idle', 'connecting', 'streaming', 'waiting', 'stopped'];
const writeBackStates = ['idle', 'running', 'waiting', 'paused'];

function gauge(registry: Registry, name: string, help: string, labelNames: readonly string[] = []): Gauge {
  return new Gauge({ name: `tidemark_${name}`, help, labelNames: [...labelNames], registers: [registry] });
}

/** A series that is absent while its value is unknown. */
function setKnown(registry: Registry, name: string, help: string, value: number | null): void {
  if (value !== null) gauge(registry, name, help).set(value);
}

/** A series for each state: 1 for the current one. */
function setOne(
  registry: Registry,
  name: string,
  help: string,
  states: readonly string[],
  current: string | null,
): void {
  const target = gauge(registry, name, `${help}: 1 for the current state.`, ['state']);
  for (const state of states) target.set({ state }, state === current ? 1 : 0);
}

function setAll(
  registry: Registry,
  name: string,
  help: string,
  values: Readonly<Record<string, number>>,
): void {
  const target = gauge(registry, name, help, ['state']);
  for (const [state, value] of Object.entries(values)) target.set({ state }, value);
}
