import type { Queryable } from '../db/database.ts';
import { storableJson, storableText } from '../db/storable.ts';
import type { EventOutcome } from './event-rows.ts';

export type EventSource = 'stream' | 'webhook';

/**
 * The stream and a webhook tell the same change in different bytes. Both are merged, since merging twice is merging once
 * and one may tell more than the other; but the one that is applied second is marked as a copy, so that no reader is
 * shown a change twice. Called under the lock of the mirror, so that two copies can't miss each other.
 */
export async function markCopies(
  client: Queryable,
  outcomes: readonly EventOutcome[],
  source: EventSource,
): Promise<EventOutcome[]> {
  const earlier = await findEarlier(client, outcomes, source);
  const here = new Map<string, bigint>();
  return outcomes.map((outcome) => {
    const { header, id, state } = outcome;
    if (header === null || state !== 'applied') return outcome;
    const key = `${header.transactionKey} ${header.sequenceNumber} ${header.commitNumber} ${header.recordIds}`;
    const duplicateOf = earlier.get(id) ?? here.get(key);
    if (duplicateOf !== undefined) return { ...outcome, state: 'skipped', duplicateOf };
    if (source === 'webhook') here.set(key, id);
    return outcome;
  });
}

/** By the id of the event that is applied now, the applied one that told the same. One of the two came by webhook. */
async function findEarlier(
  client: Queryable,
  outcomes: readonly EventOutcome[],
  source: EventSource,
): Promise<Map<bigint, bigint>> {
  const told = outcomes.flatMap(({ id, header, state }) =>
    header !== null && state === 'applied' ? [{ id, header }] : [],
  );
  const { rows } = await client.query<{ id: bigint; earlier: bigint }>({
    name: 'find-copies',
    text: `select o.id, min(e.id) as earlier
             from unnest($2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::jsonb[])
                    as o (id, transaction_key, sequence_number, commit_number, record_ids)
             cross join lateral (
               select id, record_ids, commit_number from events
                where source = 'webhook' and state = 'applied'
                  and transaction_key = o.transaction_key and sequence_number = o.sequence_number
               union all
               select id, record_ids, commit_number from events
                where $1 = 'webhook' and source = 'stream' and state = 'applied'
                  and transaction_key = o.transaction_key and sequence_number = o.sequence_number) e
            where e.id <> o.id and e.commit_number = o.commit_number
              and e.record_ids = array(select jsonb_array_elements_text(o.record_ids))
            group by o.id`,
    values: [
      source,
      told.map(({ id }) => id),
      told.map(({ header }) => storableText(header.transactionKey)),
      told.map(({ header }) => header.sequenceNumber),
      told.map(({ header }) => header.commitNumber),
      told.map(({ header }) => storableJson(header.recordIds)),
    ],
  });
  return new Map(rows.map(({ id, earlier }) => [id, earlier]));
}
