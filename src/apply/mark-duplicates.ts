// Hot statements: hand-written.
import type { Queryable } from '../db/database.ts';
import { storableJson, storableText } from '../db/storable.ts';
import type { EventOutcome, EventSource } from './event-rows.ts';

/**
 * Marks an event as a duplicate if the same change was already applied from the other source. The stream and a webhook
 * deliver a change in different bytes, and one may contain more than the other. Both are merged, which is idempotent,
 * but readers see the change once. Requires the lock on account writes, so that concurrent duplicates are detected.
 */
export async function markDuplicates(
  client: Queryable,
  outcomes: readonly EventOutcome[],
  source: EventSource,
): Promise<EventOutcome[]> {
  const earlier = await findDuplicates(client, outcomes, source);
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

/** Finds applied events with the same change, by the id of the new event. One of the two is from a webhook. */
async function findDuplicates(
  client: Queryable,
  outcomes: readonly EventOutcome[],
  source: EventSource,
): Promise<Map<bigint, bigint>> {
  const applied = outcomes.flatMap(({ id, header, state }) =>
    header !== null && state === 'applied' ? [{ id, header }] : [],
  );
  const { rows } = await client.query<{ id: bigint; earlier: bigint }>({
    name: 'find-copies',
    text: `select o.id, min(e.id) as earlier
             from unnest($2::bigint[], $3::text[], $4::int[], $5::bigint[], $6::jsonb[])
                    as o (id, transaction_key, sequence_number, commit_number, record_ids)
             cross join lateral (
               select event_id as id, record_ids, commit_number from event_outcomes
                where source = 'webhook' and state = 'applied'
                  and transaction_key = o.transaction_key and sequence_number = o.sequence_number
               union all
               select event_id as id, record_ids, commit_number from event_outcomes
                where $1 = 'webhook' and source = 'stream' and state = 'applied'
                  and transaction_key = o.transaction_key and sequence_number = o.sequence_number) e
            where e.id <> o.id and e.commit_number = o.commit_number
              and e.record_ids = array(select jsonb_array_elements_text(o.record_ids))
            group by o.id`,
    values: [
      source,
      applied.map(({ id }) => id),
      applied.map(({ header }) => storableText(header.transactionKey)),
      applied.map(({ header }) => header.sequenceNumber),
      applied.map(({ header }) => header.commitNumber),
      applied.map(({ header }) => storableJson(header.recordIds)),
    ],
  });
  return new Map(rows.map(({ id, earlier }) => [id, earlier]));
}
