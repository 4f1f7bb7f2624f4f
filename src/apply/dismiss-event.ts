import type { Queryable } from '../db/database.ts';
import { storableJson } from '../db/storable.ts';

/** Who ended the failure of an event without a repair, when, and why. */
export type Dismissal = {
  /** Name of the API key. */
  readonly by: string;
  /** ISO 8601. */
  readonly at: string;
  readonly reason: string | null;
};

/**
 * Dismisses the failures of these events. Events that have not failed, or whose failure has ended, are left unchanged.
 * @returns the id of the first event that failed, now or before; undefined if none has
 */
export async function dismissEvents(
  client: Queryable,
  ids: readonly bigint[],
  dismissal: Dismissal,
): Promise<bigint | undefined> {
  await client.query({
    name: 'dismiss-events',
    text: `update event_outcomes set state = 'dismissed', dismissal = $2
            where event_id = any($1::bigint[]) and state = 'failed'`,
    values: [ids, storableJson(dismissal)],
  });
  const { rows } = await client.query<{ id: bigint }>({
    name: 'first-ended-failure',
    text: `select event_id as id from event_outcomes
            where event_id = any($1::bigint[]) and state in ('dismissed', 'repaired') order by event_id limit 1`,
    values: [ids],
  });
  return rows[0]?.id;
}
