import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';
import type { ApiUsage } from '../salesforce/api-budget.ts';
import type { Reason } from './check-field.ts';

/**
 * - `running`: codes are sent when they are due
 * - `waiting`: resumes automatically, when API requests are available or Salesforce is reachable again
 * - `paused`: an operator has to change something; checked periodically
 */
export type WriteBackState = 'running' | 'waiting' | 'paused';

/** Saves the status that other processes show. */
export async function saveStatus(client: Queryable, topic: string, status: WriteBackStatus): Promise<void> {
  const { state, reason, usage, reservePercent } = status;
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

export type WriteBackStatus = {
  readonly state: WriteBackState;
  readonly reason: Reason | null;
  readonly usage: ApiUsage | undefined;
  readonly reservePercent: number;
};
