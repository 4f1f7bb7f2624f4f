import type { Queryable } from './database.ts';
import { storableJson } from './storable.ts';

/** The right to write the position and the state of a topic, until another process takes it over. */
export type Lease = { readonly topic: string; readonly epoch: bigint };

/** Identifies a process in the API. */
export type Instance = { readonly name: string; readonly host: string; readonly pid: number };

/** Another process has taken over the topic: the write had no effect. */
export class LeaseLostError extends Error {
  constructor({ topic, epoch }: Lease) {
    super(`another process has taken over ${topic} from epoch ${epoch}`);
    this.name = 'LeaseLostError';
  }
}

/** Starts a new epoch: after its commit, leaders of earlier epochs cannot write. */
export async function takeLease(client: Queryable, topic: string, holder: Instance): Promise<Lease> {
  const { rows } = await client.query<{ epoch: bigint }>({
    name: 'take-lease',
    text: `update subscriptions set epoch = epoch + 1, holder = $2, held_since = now(), renewed_at = now()
            where topic = $1 returning epoch`,
    values: [topic, storableJson(holder)],
  });
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no subscription of ${topic}`);
  return { topic, epoch: row.epoch };
}

/**
 * Renews the lease, and the times up to which the mirror is current.
 * @throws LeaseLostError
 */
export async function renewLease(client: Queryable, lease: Lease): Promise<void> {
  const renewed = await client.query({
    name: 'renew-lease',
    text: `update subscriptions
              set renewed_at = now(),
                  live_at = case when ${isCaughtUp} then now() else live_at end,
                  current_at = case when ${isCurrent} then now() else current_at end
            where topic = $1 and epoch = $2`,
    values: [lease.topic, lease.epoch],
  });
  expectHeld(lease, renewed);
}

// A stream that has caught up since it was opened stays caught up while it is open and receives no event. After an
// event, further ones may be waiting on the bus.
const isCaughtUp = `(state = 'streaming' and live_at >= state_since and coalesce(last_event_at <= live_at, true))`;

/** SQL condition on a row of `subscriptions`: all events that have arrived are applied. */
export const allEventsApplied = `not exists (
  select from event_queue q where q.topic = subscriptions.topic and q.attempts = 0)`;

/** SQL condition on a row of `subscriptions`: the stream is open, quiet and caught up, and all its events are applied. */
export const isCurrent = `(${isCaughtUp} and ${allEventsApplied})`;

/** Releases the lease, unless another process has taken it over. */
export async function releaseLease(client: Queryable, lease: Lease): Promise<void> {
  await client.query({
    name: 'release-lease',
    text: `update subscriptions set holder = null, held_since = null, state = 'idle', state_since = now()
            where topic = $1 and epoch = $2`,
    values: [lease.topic, lease.epoch],
  });
}

/**
 * Checks the result of a statement with a condition on the epoch.
 * @throws LeaseLostError if it matched no row, so that its transaction is rolled back
 */
export function expectHeld(lease: Lease, { rowCount }: { readonly rowCount: number | null }): void {
  if (rowCount === 0) throw new LeaseLostError(lease);
}
