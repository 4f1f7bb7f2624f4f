import type pg from 'pg';
import type { Jobs } from '../db/jobs.ts';
import { storableText } from '../db/storable.ts';
import { repairByResync } from '../incidents/detected-gaps.ts';
import { describeChanges, type FieldChanges } from './compare-fields.ts';

type FieldReadContext = { readonly topic: string; readonly jobs: Jobs };

/**
 * Opens an incident for changed fields, with a resync that reads them in all records. Changes that are found before the
 * resync of an open incident has started are added to it.
 */
export async function requestFieldRead(
  context: FieldReadContext,
  client: pg.PoolClient,
  changes: FieldChanges,
): Promise<void> {
  const fields = [...changes.affected.keys()];
  const found = describeChanges(changes);
  const { rowCount } = await client.query({
    name: 'extend-field-read',
    text: `with waiting as (
             select i.id, i.resync_id from incidents i join resyncs r on r.id = i.resync_id
              where i.topic = $1 and i.cause = 'schema changed' and i.state <> 'closed'
                and r.state = 'queued' and r.read_at is null
              order by i.id limit 1 for update),
                extended as (
             update resyncs r set fields = array(select distinct unnest(r.fields || $2::text[]) order by 1)
               from waiting w where r.id = w.resync_id)
           update incidents i set detail = left(rtrim(i.detail, '.') || '; ' || $3 || '.', 4000), "to" = now()
             from waiting w where i.id = w.id`,
    values: [context.topic, fields, storableText(found)],
  });
  if ((rowCount ?? 0) > 0) return;
  await repairByResync(context, client, {
    cause: 'schema changed',
    detail: storableText(`Salesforce changed fields without events for existing records: ${found}.`),
    request: { scope: 'fields', reason: 'schema change', fields },
  });
}
