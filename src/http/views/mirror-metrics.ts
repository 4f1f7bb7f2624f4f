import { Gauge, Registry } from 'prom-client';
import type { Queryable } from '../../db/database.ts';
import { healthStates, type Verdict } from '../../health/verdict.ts';
import type { HttpDependencies } from '../server-types.ts';
import { readCounts } from './read-counts.ts';

// Limits the load on the database: the endpoint may be public.
const cacheMs = 5_000;
// A Prometheus scrape times out after ten seconds. Without the database, the other metrics are still returned.
const readTimeoutMs = 3_000;

/** Creates a function that reads the metrics of the mirror from the database. */
export function createMirrorMetrics({ pool, topic, health }: HttpDependencies): () => Promise<Registry> {
  let cached: { readonly at: number; readonly registry: Promise<Registry> } | undefined;
  return () => {
    if (cached === undefined || Date.now() - cached.at > cacheMs) {
      const state = Promise.all([readStream(pool, topic), readCounts(pool), readInvisible(pool)]);
      cached = { at: Date.now(), registry: buildRegistry(state, health()) };
    }
    return cached.registry;
  };
}

type MirrorState = readonly [StreamRow | undefined, Awaited<ReturnType<typeof readCounts>>, InvisibleCounts];

async function buildRegistry(reading: Promise<MirrorState>, verdict: Promise<Verdict>): Promise<Registry> {
  const registry = new Registry();
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('timeout')), readTimeoutMs);
  const state = await Promise.race([reading, timeout]).catch(() => undefined);
  clearTimeout(timer);
  reading.catch(() => {});
  gauge(registry, 'database_up', 'Whether the database responded.').set(state ? 1 : 0);
  if (state !== undefined) addMirrorState(registry, state);
  addHealth(registry, await verdict);
  return registry;
}

/** The health is available without the database. */
function addHealth(registry: Registry, { health, problems, lagMs, verifiedThrough }: Verdict): void {
  const state = gauge(registry, 'health', 'Health of the mirror: 1 for the current state.', 'state');
  for (const name of healthStates) state.set({ state: name }, name === health ? 1 : 0);
  const reasons = gauge(registry, 'health_reasons', 'Why the mirror is not healthy, by code.', 'code');
  for (const { code } of problems) reasons.inc({ code });
  if (lagMs !== null) {
    gauge(registry, 'mirror_age_seconds', 'Time since the mirror was last current.').set(lagMs / 1_000);
  }
  if (verifiedThrough !== null) {
    const seconds = Math.max(0, (Date.now() - verifiedThrough.getTime()) / 1_000);
    gauge(
      registry,
      'verification_age_seconds',
      'Time since the mirror was last verified to equal Salesforce.',
    ).set(seconds);
  }
}

function addMirrorState(registry: Registry, [stream, counts, invisible]: MirrorState): void {
  const state = gauge(registry, 'subscription_state', 'Subscription: 1 for the current state.', 'state');
  for (const name of states) state.set({ state: name }, (stream?.state ?? 'idle') === name ? 1 : 0);
  if (stream?.silence != null) {
    gauge(registry, 'stream_silence_seconds', 'Time since the last event or keepalive.').set(stream.silence);
  }
  gauge(registry, 'backlog_events', 'Events waiting to be applied.').set(counts.events.stored);
  gauge(registry, 'failed_events', 'Events that cannot be applied.').set(counts.events.failed);
  const { active, deleted, stale, byCodeState } = counts.accounts;
  setAll(gauge(registry, 'accounts', 'Mirrored accounts.', 'state'), { active, deleted });
  gauge(registry, 'stale_accounts', 'Accounts waiting to be read again.').set(stale);
  setAll(gauge(registry, 'write_backs', 'Signup codes by state.', 'state'), byCodeState);
  const { kept, taken, resyncs } = invisible;
  const invisibleHelp = 'Accounts that Salesforce does not return, without proof of a deletion, by state.';
  setAll(gauge(registry, 'invisible_accounts', invisibleHelp, 'state'), { kept, deleted: taken });
  gauge(registry, 'unconfirmed_resyncs', 'Resyncs that need confirmation.').set(resyncs);
  setAll(gauge(registry, 'incidents', 'Known gaps that are not repaired.', 'state'), counts.incidents);
}

function gauge(registry: Registry, name: string, help: string, label?: string): Gauge {
  return new Gauge({
    name: `tidemark_${name}`,
    help,
    labelNames: label === undefined ? [] : [label],
    registers: [registry],
  });
}

function setAll(target: Gauge, values: Readonly<Record<string, number>>): void {
  for (const [state, value] of Object.entries(values)) target.set({ state }, value);
}

type InvisibleCounts = { readonly kept: number; readonly taken: number; readonly resyncs: number };

async function readInvisible(client: Queryable): Promise<InvisibleCounts> {
  const { rows } = await client.query<InvisibleCounts>({
    name: 'read-invisible-metrics',
    text: `select count(*) filter (where state = 'kept')::int as kept,
                  count(*) filter (where state = 'taken')::int as taken,
                  (select count(*)::int from resyncs where state = 'needs-confirmation') as resyncs
             from invisible_accounts`,
  });
  return rows[0] ?? { kept: 0, taken: 0, resyncs: 0 };
}

const states = ['idle', 'connecting', 'streaming', 'waiting', 'stopped'];

type StreamRow = { readonly state: string; readonly silence: number | null };

// Compares times of the database only: clocks may differ.
async function readStream(client: Queryable, topic: string): Promise<StreamRow | undefined> {
  const { rows } = await client.query<StreamRow>({
    name: 'read-stream-metrics',
    text: `select state,
                  extract(epoch from clock_timestamp() - greatest(last_event_at, last_keepalive_at))::float8 as silence
             from subscriptions where topic = $1`,
    values: [topic],
  });
  return rows[0];
}
