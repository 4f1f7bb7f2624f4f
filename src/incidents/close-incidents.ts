import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { isUncertain, maxAccountIds } from './incident-rows.ts';

/**
 * Closes the incidents of a resync that has read everything. If records could not be stored, an incident stays open for
 * them.
 */
export async function closeByResync(client: Queryable, resyncId: string): Promise<void> {
  const { rows } = await client.query<ClosedIncident & { isClosed: boolean }>({
    name: 'close-by-resync',
    text: `update incidents
              set state = case when failed.ids is null then 'closed' else 'open' end,
                  closed_at = case when failed.ids is null then now() end,
                  resync_id = case when failed.ids is null then resync_id end,
                  extent = case when failed.ids is null then extent
                                when cardinality(failed.ids) > ${maxAccountIds} then 'all' else 'accounts' end,
                  account_ids = case when failed.ids is null then account_ids
                                     when cardinality(failed.ids) > ${maxAccountIds} then '{}' else failed.ids end
             from (select array_agg(account_id) as ids
                     from (select account_id from failed_records where resync_id = $1
                            order by account_id limit ${maxAccountIds + 1}) first_ones) failed
            where incidents.resync_id = $1 and incidents.state <> 'closed'
            returning incidents.event_ids as "eventIds", incidents.state = 'closed' as "isClosed"`,
    values: [resyncId],
  });
  await reportClosed(
    client,
    rows.filter(({ isClosed }) => isClosed),
  );
}

/** Closes incidents none of whose accounts is uncertain any more; those of all accounts when no account is uncertain. */
export async function closeRepaired(client: Queryable): Promise<void> {
  const { rows } = await client.query<ClosedIncident>({
    name: 'close-repaired',
    text: `update incidents i set state = 'closed', closed_at = now()
            where i.state <> 'closed' and i.resync_id is null
              and case when i.extent = 'accounts' then not ${isUncertain('= any(i.account_ids)')}
                       else not ${isUncertain('is not null')} end
           returning i.event_ids as "eventIds"`,
  });
  await reportClosed(client, rows);
}

/**
 * Closes the incidents of comparisons whose differing accounts have all been read again. An account that only the mirror
 * had is repaired by its deletion.
 */
export async function closeRepairedDifferences(client: Queryable): Promise<void> {
  const { rows } = await client.query<ClosedIncident>({
    name: 'close-repaired-differences',
    text: `update incidents i set state = 'closed', closed_at = now()
            where i.state <> 'closed' and i.cause = 'difference'
              and not exists (
                select from resync_differences d join resyncs r on r.id = d.resync_id
                  left join accounts a on a.id = d.account_id
                 where d.resync_id = i.resync_id and d.confirmed
                   and case d.kind
                         when 'extra' then not a.deleted
                         else a.id is null
                           or split_part(a.base_version, '.', 4)::bigint <= extract(epoch from r.read_at) * 1000
                       end)
           returning i.event_ids as "eventIds"`,
  });
  await reportClosed(client, rows);
}

/** Closes the incidents of earlier comparisons: a later one of all accounts replaces them. */
export async function closeEarlierDifferences(client: Queryable, topic: string): Promise<void> {
  const { rows } = await client.query<ClosedIncident>({
    name: 'close-earlier-differences',
    text: `update incidents set state = 'closed', closed_at = now()
            where topic = $1 and cause = 'difference' and state <> 'closed'
           returning event_ids as "eventIds"`,
    values: [topic],
  });
  await reportClosed(client, rows);
}

type ClosedIncident = { readonly eventIds: readonly bigint[] };

async function reportClosed(client: Queryable, closed: readonly ClosedIncident[]): Promise<void> {
  if (closed.length === 0) return;
  await markRepaired(
    client,
    closed.flatMap(({ eventIds }) => eventIds),
  );
  await sendWakeUp(client, 'incident');
}

/**
 * Ends the failures of events whose incident is closed: their records were read again. An event that has failed once more
 * has a later incident, which is still open.
 */
async function markRepaired(client: Queryable, eventIds: readonly bigint[]): Promise<void> {
  if (eventIds.length === 0) return;
  await client.query({
    name: 'mark-repaired-events',
    text: `update event_outcomes o set state = 'repaired'
            where o.event_id = any($1::bigint[]) and o.state = 'failed'
              and not exists (select from incidents i where i.state <> 'closed' and i.event_ids @> array[o.event_id])`,
    values: [eventIds],
  });
}
