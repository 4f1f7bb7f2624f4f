import type { Queryable } from '../db/database.ts';
import { storableJson, storableText } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import type { Cause } from '../health/facts.ts';
import { activeStates, type Claim, expectClaimed, runningStates } from './resync-claim.ts';

/**
 * Ends a resync that has read everything: as `failed` if the database refused records.
 * @returns the number of refused records
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
                  events_meanwhile = (select count(*) from event_outcomes e where e.position > r.log_position)
             from (select count(*)::int, array_agg(account_id order by account_id) as ids
                     from failed_records where resync_id = $1) u
            where id = $1 and claim = $2 and state in ${runningStates}
            returning u.count as unstored`,
    values: [id, claim],
  });
  expectClaimed(finished);
  await sendWakeUp(client, 'resync');
  return finished.rows[0]?.unstored ?? 0;
}

/**
 * Saves why a try failed.
 * @param isLast whether the job is not retried, so that the resync ends as failed
 */
export async function saveResyncError(
  client: Queryable,
  { id, claim }: Claim,
  error: Cause,
  isLast: boolean,
): Promise<void> {
  await client.query({
    name: 'save-resync-error',
    text: `update resyncs set error = $2, cause = $5, waiting = null, state = case when $3 then 'failed' else state end,
                              finished_at = case when $3 then now() end
            where id = $1 and claim = $4 and state in ${activeStates}`,
    values: [id, storableText(error.message), isLast, claim, storableJson(error)],
  });
}
