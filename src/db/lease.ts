import type { Queryable } from './database.ts';
import { storableJson } from './storable.ts';

/** The right to write the position and the state of a topic, until somebody takes it over. */
export type Lease = { readonly topic: string; readonly epoch: bigint };

/** A process, as those who look from outside are told of it. */
export type Instance = { readonly name: string; readonly host: string; readonly pid: number };

/** Somebody else follows the topic by now: nothing that was to be written took effect. */
export class LeaseLostError extends Error {
  constructor({ topic, epoch }: Lease) {
    super(`another process has taken over ${topic} from epoch ${epoch}`);
    this.name = 'LeaseLostError';
  }
}

/** Begins a new epoch: from its commit on, nobody of an earlier one can write. */
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
 * A sign of life.
 * @throws LeaseLostError
 */
export async function renewLease(client: Queryable, lease: Lease): Promise<void> {
  const renewed = await client.query({
    name: 'renew-lease',
    text: `update subscriptions
              set renewed_at = now(),
                  live_at = case when ${isCaughtUp} then now() else live_at end,
                  current_at = case when ${isCaughtUp} and ${nothingWaits} then now() else current_at end
            where topic = $1 and epoch = $2`,
    values: [lease.topic, lease.epoch],
  });
  expectHeld(lease, renewed);
}

// A stream that has caught up since it was opened stays so for as long as it is open and silent. An event proves only
// that changes up to its own commit have arrived: thousands may wait behind it.
const isCaughtUp = `(state = 'streaming' and live_at >= state_since and coalesce(last_event_at <= live_at, true))`;

/** In SQL, of a row of `subscriptions`: every event that has arrived was applied. */
export const nothingWaits = `not exists (
  select from events e where e.topic = subscriptions.topic and e.state = 'stored' and e.attempts = 0)`;

/** Says that nobody follows the topic, unless somebody else does already. */
export async function releaseLease(client: Queryable, lease: Lease): Promise<void> {
  await client.query({
    name: 'release-lease',
    text: `update subscriptions set holder = null, held_since = null, state = 'idle', state_since = now()
            where topic = $1 and epoch = $2`,
    values: [lease.topic, lease.epoch],
  });
}

/**
 * For a statement whose condition names the epoch.
 * @throws LeaseLostError where it found no row, so that the transaction around it is undone
 */
export function expectHeld(lease: Lease, { rowCount }: { readonly rowCount: number | null }): void {
  if (rowCount === 0) throw new LeaseLostError(lease);
}
