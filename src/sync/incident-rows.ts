import type { Queryable } from '../db/database.ts';
import { storableText } from '../db/storable.ts';
import { sendWakeUp } from '../db/wake-up.ts';

export const incidentCauses = [
  'gap',
  'overflow',
  'object changed',
  'position lost',
  'unseen account',
  'failed event',
  'failed record',
  'dated ahead',
  'difference',
] as const;

/**
 * - `gap`: an event said that accounts changed, not what changed
 * - `overflow`: a transaction was too large to be told
 * - `object changed`: something happened to every account at once
 * - `position lost`: Salesforce does not know the position any more behind which to resume
 * - `unseen account`: an account changed that had never been told of
 * - `failed event`: an event can't be decoded or applied
 * - `failed record`: a record that was read from Salesforce can't be stored
 * - `dated ahead`: events are dated ahead of this machine's clock
 * - `difference`: a comparison with Salesforce found accounts that no event had told of
 */
export type IncidentCause = (typeof incidentCauses)[number];

/** A known hole: what is missing from what was received, and how far it reaches. */
export type NewIncident = {
  readonly topic: string;
  readonly cause: IncidentCause;
  /** One sentence for a person. */
  readonly detail: string;
  readonly extent: 'accounts' | 'since' | 'all';
  readonly accountIds?: readonly string[];
  /** The events of the log that told of it. */
  readonly eventIds?: readonly bigint[];
  readonly from?: Date;
  readonly to?: Date;
  /** The resync that will close it. Without one it is closed when none of its accounts is stale any more. */
  readonly resyncId?: string;
};

/** Puts a hole on record, in the transaction that finds it. */
export async function openIncident(client: Queryable, incident: NewIncident): Promise<void> {
  await client.query({
    name: 'open-incident',
    text: `insert into incidents (topic, cause, detail, extent, account_ids, event_ids, "from", "to", resync_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    values: [
      incident.topic,
      incident.cause,
      storableText(incident.detail),
      incident.extent,
      (incident.accountIds ?? []).map(storableText),
      incident.eventIds ?? [],
      incident.from ?? null,
      incident.to ?? null,
      incident.resyncId ?? null,
    ],
  });
  await sendWakeUp(client, 'incident');
}

// Of one incident; the rest is in the log.
const maxEventIds = 1_000;

/** Adds to the incident of the same cause that is open, where there is one. */
export async function extendIncident(client: Queryable, incident: NewIncident): Promise<void> {
  const { rowCount } = await client.query({
    name: 'extend-incident',
    text: `update incidents
              set detail = $3, "to" = $6,
                  account_ids = array(select distinct unnest(account_ids || $4::text[])),
                  event_ids = (event_ids || $5::bigint[])[1:${maxEventIds}]
            where id = (select id from incidents where topic = $1 and cause = $2 and state <> 'closed'
                         order by id desc limit 1)`,
    values: [
      incident.topic,
      incident.cause,
      incident.detail,
      incident.accountIds ?? [],
      incident.eventIds ?? [],
      incident.to ?? null,
    ],
  });
  if (rowCount === 0) await openIncident(client, incident);
}

/** The repair has begun: by a resync, or by reading these accounts. */
export async function markRepairing(
  client: Queryable,
  repair: { readonly resyncId: string } | { readonly accountIds: readonly string[] },
): Promise<void> {
  if ('resyncId' in repair) {
    await client.query({
      name: 'mark-resync-repairing',
      text: `update incidents set state = 'repairing' where resync_id = $1 and state = 'open'`,
      values: [repair.resyncId],
    });
  } else {
    await client.query({
      name: 'mark-accounts-repairing',
      text: `update incidents set state = 'repairing'
              where state = 'open' and resync_id is null and account_ids && $1::text[]`,
      values: [repair.accountIds],
    });
  }
}

/**
 * The resync has read everything that the hole could hide. Where some of it could not be stored, the incident stays
 * open for those records, until they are.
 */
export async function closeByResync(client: Queryable, resyncId: string): Promise<void> {
  const closed = await client.query({
    name: 'close-by-resync',
    text: `update incidents
              set state = case when failed.ids is null then 'closed' else 'open' end,
                  closed_at = case when failed.ids is null then now() end,
                  resync_id = case when failed.ids is null then resync_id end,
                  extent = case when failed.ids is null then extent else 'accounts' end,
                  account_ids = coalesce(failed.ids, account_ids)
             from (select array_agg(account_id order by account_id) as ids
                     from failed_records where resync_id = $1) failed
            where incidents.resync_id = $1 and incidents.state <> 'closed'`,
    values: [resyncId],
  });
  await tellOfClosed(client, closed);
}

/** Closes the holes whose accounts have all become certain again. */
export async function closeRepaired(client: Queryable): Promise<void> {
  const closed = await client.query({
    name: 'close-repaired',
    text: `update incidents i set state = 'closed', closed_at = now()
            where i.state <> 'closed' and i.resync_id is null
              and not exists (select from accounts a where a.id = any(i.account_ids) and a.stale_version is not null)
              and not exists (select from unconfirmed_records u where u.id = any(i.account_ids))
              and not exists (select from failed_records f where f.account_id = any(i.account_ids))`,
  });
  await tellOfClosed(client, closed);
}

/**
 * Closes the incidents of comparisons whose accounts have all been read again since: what differed is repaired. What
 * only the mirror had is repaired when it is deleted.
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
  await tellOfClosed(client, closed);
}

/** A later comparison of all accounts says all that is known of differences. */
export async function closeEarlierDifferences(client: Queryable, topic: string): Promise<void> {
  const closed = await client.query({
    name: 'close-earlier-differences',
    text: `update incidents set state = 'closed', closed_at = now()
            where topic = $1 and cause = 'difference' and state <> 'closed'`,
    values: [topic],
  });
  await tellOfClosed(client, closed);
}

async function tellOfClosed(
  client: Queryable,
  { rowCount }: { readonly rowCount: number | null },
): Promise<void> {
  if ((rowCount ?? 0) > 0) await sendWakeUp(client, 'incident');
}
