import type { Queryable } from '../db/database.ts';

// A stream that gave a sign of life within this time was only recycled.
const graceMs = 60_000;

/** Why the mirror is not to be relied on just now, a sentence each; empty when it is. */
export async function readiness(client: Queryable, topic: string): Promise<string[]> {
  const { rows } = await client.query<{ state: string; since: Date; loaded: boolean }>({
    name: 'readiness',
    text: `select state, loaded_at is not null as loaded,
                  greatest(state_since, last_event_at, last_keepalive_at) as since
             from subscriptions where topic = $1`,
    values: [topic],
  });
  const [row] = rows;
  if (row === undefined) return [`Nothing follows ${topic} yet.`];
  const reasons: string[] = [];
  if (!row.loaded) reasons.push('The initial load is not complete.');
  // A stream that is being opened can be silent for minutes: a quiet org sends its first keepalive late.
  const waiting = row.state === 'waiting' || row.state === 'idle';
  const down = row.state === 'stopped' || (waiting && Date.now() - row.since.getTime() > graceMs);
  // Anybody may ask for this; what Salesforce said is for those who may read the status.
  if (down) reasons.push(`The stream of ${topic} is down (${row.state}); /v1/status says why.`);
  return reasons;
}
