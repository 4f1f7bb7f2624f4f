import type { Queryable } from '../db/database.ts';
import { sendWakeUp } from '../db/wake-up.ts';
import { isUncertain, maxAccountIds } from './incident-rows.ts';

/**
 * Closes the incidents of a resync that has read everything. If records could not be stored, an incident stays open for
 * them.
 */
export async function closeByResync(client: Queryable, resyncId: string): Promise<void> {
  const closed = await client.query({
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
            where incidents.resync_id = $1 and incidents.state <> 'closed'`,
    values: [resyncId],
  });
  await wakeUpIfClosed(client, closed);
}

/** Closes incidents none of whose accounts is uncertain any more; those of all accounts when no account is uncertain. */
export async function closeRepaired(client: Queryable): Promise<void> {
  const closed = await client.query({
    name: 'close-repaired',
    text: `update incidents i set state = 'closed', closed_at = now()
            where i.state <> 'closed' and i.resync_id is null
              and case when i.extent = 'accounts' then not ${isUncertain('= any(i.account_ids)')}
                       else not ${isUncertain('is not null')} end`,
  });
  await wakeUpIfClosed(client, closed);
}

/**
 * Closes the incidents of comparisons whose differing accounts have all been read again. An account that only the mirror
 * had is repaired by its deletion.
 */
export async function closeRepairedDifferences(client: Queryable): Promise<void> {
  const closed = await client.query({
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
                       end)`,
  });
  await wakeUpIfClosed(client, closed);
}

/** Closes the incidents of earlier comparisons: a later one of all accounts replaces them. */
export async function closeEarlierDifferences(client: Queryable, topic: string): Promise<void> {
  const closed = await client.query({
    name: 'close-earlier-differences',
    text: `update incidents set state = 'closed', closed_at = now()
            where topic = $1 and cause = 'difference' and state <> 'closed'`,
    values: [topic],
  });
  await wakeUpIfClosed(client, closed);
}

async function wakeUpIfClosed(
  client: Queryable,
  { rowCount }: { readonly rowCount: number | null },
): Promise<void> {
  if ((rowCount ?? 0) > 0) await sendWakeUp(client, 'incident');
}
