import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import type { Reason } from './check-field.ts';

/**
 * - `running`: codes are sent as they come
 * - `waiting`: it goes on by itself: when the API allowance has room, when Salesforce answers again
 * - `paused`: a person has to change something; it is looked at again from time to time
 */
export type WriteBackState = 'running' | 'waiting' | 'paused';

/** Shows what the write-back is doing to those who look from other processes. */
export async function saveState(client: Queryable, topic: string, shown: Shown): Promise<void> {
  const { state, reason, usage, reservePercent } = shown;
  await client.query({
    name: 'save-write-back-state',
    text: `insert into write_back_state as w
                  (topic, state, reason, api_used, api_max, api_reserve_percent, api_seen_at)
           values ($1, $2, $3, $4, $5, $6, case when $4::int is null then null else now() end)
           on conflict (topic) do update set
             since = case when w.state = excluded.state and w.reason ->> 'code' is not distinct from excluded.reason ->> 'code'
                          then w.since else now() end,
             state = excluded.state, reason = excluded.reason,
             api_used = coalesce(excluded.api_used, w.api_used), api_max = coalesce(excluded.api_max, w.api_max),
             api_seen_at = coalesce(excluded.api_seen_at, w.api_seen_at),
             api_reserve_percent = excluded.api_reserve_percent`,
    values: [
      topic,
      state,
      reason === null ? null : storableJson(reason),
      usage?.used ?? null,
      usage?.max ?? null,
      reservePercent,
    ],
  });
}

export type Shown = {
  readonly state: WriteBackState;
  readonly reason: Reason | null;
  readonly usage: ApiUsage | undefined;
  readonly reservePercent: number;
};
