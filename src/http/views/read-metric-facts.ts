import type { Queryable } from '../../db/database.ts';
import { openStates, unfinishedStates } from '../../resync/resync-claim.ts';

/** What only the metrics show; the other values are those of `GET /v1/status`. Ages are in seconds. */
export type MetricFacts = {
  readonly subscriptionState: string;
  readonly silence: number | null;
  /** Until the event bus deletes the event of the stored position; null without a position. */
  readonly positionRemaining: number | null;
  /** Of the oldest event that has not been tried yet; 0 if there is none. */
  readonly oldestWaiting: number;
  readonly invisible: { readonly kept: number; readonly deleted: number };
  /** Unfinished resyncs by state. */
  readonly resyncs: Readonly<Record<string, number>>;
};

// Source: the Pub/Sub API guide, "Event Message Durability": change events are stored for 72 hours.
const busRetentionSeconds = 72 * 3_600;

/** Reads the facts in one statement. Compares times of the database only: clocks may differ. */
export async function readMetricFacts(client: Queryable, topic: string): Promise<MetricFacts> {
  const { rows } = await client.query<Row>({ name: 'read-metric-facts', text: factsSql, values: [topic] });
  const { kept = 0, taken = 0, resyncs = {}, ...facts } = rows[0] ?? noRow;
  return {
    ...facts,
    subscriptionState: facts.subscriptionState ?? 'idle',
    oldestWaiting: facts.oldestWaiting ?? 0,
    invisible: { kept, deleted: taken },
    resyncs: Object.fromEntries(unfinishedStates.map((state) => [state, resyncs[state] ?? 0])),
  };
}

// A keepalive after the last event replaces its position in time. Until then, the position is as old as the commit of
// the newest applied event: a stream that catches up stores old events now.
const factsSql = `
  select s.state as "subscriptionState",
         extract(epoch from clock_timestamp() - greatest(s.last_event_at, s.last_keepalive_at))::float8 as silence,
         ${busRetentionSeconds} - extract(epoch from clock_timestamp() - case
           when s.keepalive_replay_id is not null and (s.replay_id is null or s.last_keepalive_at > s.position_at)
             then s.last_keepalive_at
           when s.replay_id is not null
             then least(s.position_at, to_timestamp(nullif(split_part(s.watermark, '.', 1), '0')::bigint / 1000.0))
         end)::float8 as "positionRemaining",
         (select extract(epoch from clock_timestamp() - received_at)::float8 from event_queue
           where topic = $1 and attempts = 0 order by event_id limit 1) as "oldestWaiting",
         (select count(*)::int from invisible_accounts where state = 'kept') as kept,
         (select count(*)::int from invisible_accounts where state = 'taken') as taken,
         (select coalesce(jsonb_object_agg(state, count), '{}') from (
            select state, count(*)::int as count from resyncs
             where state in ${openStates} group by state) r) as resyncs
    from (select) one left join subscriptions s on s.topic = $1`;

type Row = Omit<MetricFacts, 'subscriptionState' | 'oldestWaiting' | 'invisible'> & {
  readonly subscriptionState: string | null;
  readonly oldestWaiting: number | null;
  readonly kept?: number;
  readonly taken?: number;
};

const noRow: Row = {
  subscriptionState: null,
  silence: null,
  positionRemaining: null,
  oldestWaiting: null,
  resyncs: {},
};
