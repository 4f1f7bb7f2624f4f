import { readColumns } from '../db/check-tables.ts';
import type { Queryable } from '../db/database.ts';

// The process that follows the topic gives a sign of life every five seconds; another takes over within ten.
// A stream that gave a sign of life within this time was only recycled; events that came within it are being applied.
const graceMs = 60_000;

/**
 * Why the mirror is not to be relied on just now, a sentence each; empty when it is.
 * @param columns that there were at the start
 */
export async function readiness(
  client: Queryable,
  topic: string,
  columns: readonly string[],
): Promise<string[]> {
  const present = new Set(await readColumns(client));
  const removed = columns.filter((column) => !present.has(column));
  if (removed.length > 0) return [`The database lacks ${removed.join(', ')}: removed by hand.`];
  // An event that was tried before and is tried again is no sign of a backlog.
  const { rows } = await client.query<Row>({
    name: 'readiness',
    text: `select state, loaded_at is not null as loaded,
                  extract(epoch from now() - renewed_at)::float8 as unseen,
                  greatest(state_since, last_event_at, last_keepalive_at) as since,
                  (select extract(epoch from now() - received_at)::float8 from events e
                    where e.topic = s.topic and e.state = 'stored' and attempts = 0 order by id limit 1) as waits
             from subscriptions s where topic = $1`,
    values: [topic],
  });
  const [row] = rows;
  if (row === undefined) return [`Nothing follows ${topic} yet.`];
  const reasons: string[] = [];
  if (!row.loaded) reasons.push('The initial load is not complete.');
  // A stream that is being opened can be silent for minutes: a quiet org sends its first keepalive late.
  const waiting = row.state === 'waiting' || row.state === 'idle';
  const down = row.state === 'stopped' || (waiting && Date.now() - row.since.getTime() > graceMs);
  if (row.unseen !== null && row.unseen * 1000 > graceMs) {
    reasons.push(`No process has followed ${topic} for ${Math.round(row.unseen)} s.`);
  }
  if (row.waits !== null && row.waits * 1000 > graceMs) {
    reasons.push(`Changes have waited for ${Math.round(row.waits)} s to be applied; the log says why.`);
  }
  // Anybody may ask for this; what Salesforce said is for those who may read the status.
  if (down) reasons.push(`The stream of ${topic} is down (${row.state}); /v1/status says why.`);
  return reasons;
}

type Row = {
  readonly state: string;
  readonly since: Date;
  readonly loaded: boolean;
  readonly waits: number | null;
  /** Seconds since the last sign of life of the process that follows the topic. */
  readonly unseen: number | null;
};
