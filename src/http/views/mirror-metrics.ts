import { Gauge, Registry } from 'prom-client';
import type { Queryable } from '../../db/database.ts';
import { healthStates, type Verdict } from '../../health/verdict.ts';
import type { HttpDependencies } from '../dependencies.ts';
import { readCounts } from './read-counts.ts';

// However often it is asked for: the counts cost the database something, and anybody may ask.
const freshMs = 5_000;
// A scrape waits for ten seconds; without the database the rest is answered all the same.
const readLimitMs = 3_000;

/** The state of the mirror in Prometheus' form, read from the database when it is asked for. */
export function mirrorMetrics({ pool, topic, health }: HttpDependencies): () => Promise<Registry> {
  let read: { readonly at: number; readonly registry: Promise<Registry> } | undefined;
  return () => {
    if (read === undefined || Date.now() - read.at > freshMs) {
      const counted = Promise.all([readStream(pool, topic), readCounts(pool), readInvisible(pool)]);
      read = { at: Date.now(), registry: inTime(counted, health()) };
    }
    return read.registry;
  };
}

type Reading = readonly [StreamRow | undefined, Awaited<ReturnType<typeof readCounts>>, InvisibleCounts];

async function inTime(reading: Promise<Reading>, verdict: Promise<Verdict>): Promise<Registry> {
  const registry = new Registry();
  const { promise: tooLate, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('too late')), readLimitMs);
  const found = await Promise.race([reading, tooLate]).catch(() => undefined);
  clearTimeout(timer);
  reading.catch(() => {});
  gauge(registry, 'database_up', 'Whether the database answered this reading.').set(found ? 1 : 0);
  if (found !== undefined) fill(registry, found);
  fillHealth(registry, await verdict);
  return registry;
}

/** The verdict is there without the database too: that is when it matters. */
function fillHealth(registry: Registry, { health, problems, lagMs, verifiedThrough }: Verdict): void {
  const state = gauge(registry, 'health', 'The verdict on the mirror: 1 for the state it has.', 'state');
  for (const name of healthStates) state.set({ state: name }, name === health ? 1 : 0);
  const reasons = gauge(
    registry,
    'health_reasons',
    'Reasons why the mirror is not healthy, by code.',
    'code',
  );
  for (const { code } of problems) reasons.inc({ code });
  if (lagMs !== null) {
    gauge(registry, 'mirror_age_seconds', 'Time since the mirror was last known to be current.').set(
      lagMs / 1_000,
    );
  }
  if (verifiedThrough !== null) {
    const seconds = (Date.now() - verifiedThrough.getTime()) / 1_000;
    gauge(registry, 'verification_age_seconds', 'Time since a comparison showed the mirror to be equal.').set(
      Math.max(0, seconds),
    );
  }
}

function fill(registry: Registry, [stream, counts, invisible]: Reading): void {
  const state = gauge(
    registry,
    'subscription_state',
    'State of the subscription: 1 for the one it has.',
    'state',
  );
  for (const name of states) state.set({ state: name }, (stream?.state ?? 'idle') === name ? 1 : 0);
  if (stream?.silence != null) {
    gauge(registry, 'stream_silence_seconds', 'Since the last event or keepalive.').set(stream.silence);
  }
  gauge(registry, 'backlog_events', 'Events that wait to be applied.').set(counts.events.stored);
  gauge(registry, 'failed_events', 'Events that can not be applied.').set(counts.events.failed);
  const { active, deleted, stale, byCodeState } = counts.accounts;
  setAll(gauge(registry, 'accounts', 'Mirrored accounts.', 'state'), { active, deleted });
  gauge(registry, 'stale_accounts', 'Accounts that are to be read again.').set(stale);
  setAll(gauge(registry, 'write_backs', 'Signup codes by how far they got.', 'state'), byCodeState);
  const { kept, taken, resyncs } = invisible;
  setAll(
    gauge(
      registry,
      'invisible_accounts',
      'Accounts that Salesforce does not return, without proof that they are deleted: kept, or marked as deleted.',
      'state',
    ),
    { kept, deleted: taken },
  );
  gauge(registry, 'unconfirmed_resyncs', 'Resyncs that need confirmation before they go on.').set(resyncs);
  setAll(gauge(registry, 'incidents', 'Known holes that are not repaired.', 'state'), counts.incidents);
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

// Both times are the database's, so that no clock difference counts.
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
