import type { Queryable } from '../db/database.ts';
import type { PrismaClient } from '../db/generated/client.ts';
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
  'schema changed',
  'table changed',
] as const;

/**
 * - `gap`: an event reported a change without values
 * - `overflow`: a transaction was too large for Salesforce to send its events
 * - `object changed`: an event reported a change of every account
 * - `position lost`: Salesforce does not retain the position of the stream any more
 * - `unseen account`: an account changed whose creation was not received
 * - `failed event`: an event cannot be decoded or applied
 * - `failed record`: a record from Salesforce cannot be stored
 * - `dated ahead`: events are dated ahead of this machine's clock
 * - `difference`: a comparison with Salesforce found differences that no event explains
 * - `schema changed`: fields were added or changed, which changes existing records without events
 * - `table changed`: columns of the table of accounts were removed or changed by hand
 */
export type IncidentCause = (typeof incidentCauses)[number];

/** A known gap in the received changes. */
export type NewIncident = {
  readonly topic: string;
  readonly cause: IncidentCause;
  /** One sentence for a person. */
  readonly detail: string;
  readonly extent: 'accounts' | 'since' | 'all';
  readonly accountIds?: readonly string[];
  /** The events that reported it. */
  readonly eventIds?: readonly bigint[];
  readonly from?: Date;
  readonly to?: Date;
  /** The resync that closes it. Without one it is closed when none of its accounts is uncertain any more. */
  readonly resyncId?: string;
};

// Per incident, because each batch checks and updates it.
export const maxAccountIds = 1_000;

// Without the list of accounts, the incident covers all accounts.
const widenedNote = ` More than ${maxAccountIds.toLocaleString('en')} accounts are affected: it closes when no account waits to be read.`;

/** Opens an incident, in the transaction that detects the gap. */
export async function openIncident(client: Queryable, found: NewIncident): Promise<void> {
  const isWidened = found.resyncId === undefined && (found.accountIds?.length ?? 0) > maxAccountIds;
  const incident: NewIncident = isWidened
    ? { ...found, extent: 'all', accountIds: [], detail: found.detail + widenedNote }
    : found;
  await client.query({
    name: 'open-incident',
    text: `insert into incidents (topic, cause, detail, extent, account_ids, event_ids, "from", "to", resync_id)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    values: incidentValues(incident),
  });
  await sendWakeUp(client, 'incident');
}

/** The parameters of a statement that stores an incident. */
function incidentValues(incident: NewIncident): unknown[] {
  return [
    incident.topic,
    incident.cause,
    storableText(incident.detail),
    incident.extent,
    (incident.accountIds ?? []).map(storableText),
    incident.eventIds ?? [],
    incident.from ?? null,
    incident.to ?? null,
    incident.resyncId ?? null,
  ];
}

// Per incident.
const maxEventIds = 1_000;

/**
 * Extends the open incident of the same cause, or opens one. The incident keeps the accounts that are still uncertain; if
 * there are too many, it covers all accounts.
 */
export async function extendIncident(client: Queryable, incident: NewIncident): Promise<void> {
  const { rowCount } = await client.query({
    name: 'extend-incident',
    text: `with found as (select id, extent, account_ids from incidents
                           where topic = $1 and cause = $2 and state <> 'closed' order by id desc limit 1),
                affected as (select distinct u.id from found, unnest(found.account_ids || $4::text[]) u (id)
                              where found.extent = 'accounts' and ${isUncertain('= u.id')} limit ${maxAccountIds + 1}),
                kept as (select f.id, f.extent <> 'accounts' or count(a.id) > ${maxAccountIds} as widened,
                                coalesce(array_agg(a.id order by a.id) filter (where a.id is not null), '{}') as ids
                           from found f left join affected a on true group by f.id, f.extent)
           update incidents i
              set detail = $3::text || case when k.widened then $7 else '' end, "to" = $6,
                  extent = case when k.widened then 'all' else i.extent end,
                  state = case when k.widened then 'open' else i.state end,
                  account_ids = case when k.widened then '{}' else k.ids end,
                  event_ids = (event_ids || $5::bigint[])[1:${maxEventIds}]
             from kept k where i.id = k.id`,
    values: [
      incident.topic,
      incident.cause,
      incident.detail,
      incident.accountIds ?? [],
      incident.eventIds ?? [],
      incident.to ?? null,
      widenedNote,
    ],
  });
  if (rowCount === 0) await openIncident(client, incident);
}

/**
 * Adds to the open incident with the same cause and resync.
 * @returns false if there is none, or if its lists are full
 */
export async function extendRepairIncident(client: Queryable, incident: NewIncident): Promise<boolean> {
  const { rowCount } = await client.query({
    name: 'extend-repair-incident',
    text: `with found as (
             select id from incidents
              where topic = $1 and cause = $2 and resync_id = $9 and state <> 'closed'
                and cardinality(event_ids) < ${maxEventIds} and cardinality(account_ids) < ${maxAccountIds}
              order by id limit 1 for update)
           update incidents i
              set detail = case when strpos(i.detail, $3) > 0 then i.detail else left(i.detail || ' ' || $3, 4000) end,
                  extent = case when 'all' in (i.extent, $4) then 'all' when 'since' in (i.extent, $4) then 'since'
                                else 'accounts' end,
                  account_ids = array(select distinct unnest(i.account_ids || $5::text[]) order by 1),
                  event_ids = i.event_ids || $6::bigint[], "from" = least(i."from", $7), "to" = $8
             from found f where i.id = f.id`,
    values: incidentValues(incident),
  });
  return rowCount === 1;
}

/** SQL: whether one of these accounts waits to be read or stored. */
export function isUncertain(among: string): string {
  return `(exists (select from records s where s.record_id ${among} and s.stale_version is not null)
           or exists (select from unconfirmed_records r where r.id ${among})
           or exists (select from failed_records f where f.account_id ${among}))`;
}

/** Marks the incidents that a resync, or a re-read of accounts, repairs. */
export async function markRepairing(
  prisma: PrismaClient,
  repair: { readonly resyncId: string } | { readonly accountIds: readonly string[] },
): Promise<void> {
  const repaired =
    'resyncId' in repair ? repair : { resyncId: null, accountIds: { hasSome: [...repair.accountIds] } };
  await prisma.incident.updateMany({ where: { state: 'open', ...repaired }, data: { state: 'repairing' } });
}
