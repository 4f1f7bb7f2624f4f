import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { type Claim, expectClaimed } from './resync-rows.ts';

/**
 * Ends a resync that has read everything: as `failed` if records could not be stored.
 * @returns how many could not
 * @throws ResyncEndedError
 */
export async function finishResync(client: Queryable, { id, claim }: Claim): Promise<number> {
  const finished = await client.query<{ unstored: number }>({
    name: 'finish-resync',
    text: `update resyncs r
              set state = case when u.count = 0 then 'done' else 'failed' end, finished_at = now(), waiting = null,
                  error = case when u.count = 0 then r.error
                               else format('%s of the records that were read cannot be stored: %s%s. The reasons are in the log and the incidents.',
                                           u.count, array_to_string(u.ids[1:5], ', '), case when u.count > 5 then ', …' else '' end)
                          end,
                  events_meanwhile = (select count(*) from events e where e.position > r.log_position)
             from (select count(*)::int, array_agg(account_id order by account_id) as ids
                     from failed_records where resync_id = $1) u
            where id = $1 and claim = $2 and state in ('reading', 'applying')
            returning u.count as unstored`,
    values: [id, claim],
  });
  expectClaimed(finished);
  await sendWakeUp(client, 'resync');
  return finished.rows[0]?.unstored ?? 0;
}
