import type { Queryable } from '../db/database.ts';
import { storableText } from '../db/storable.ts';
import { extendIncident } from './incident-rows.ts';

/** A record from Salesforce that the database refuses. */
export type FailedRecord = {
  readonly accountId: string;
  /** The message of the database. */
  readonly error: string;
  /** The resync that read it; undefined for a single re-read. */
  readonly resyncId: string | undefined;
};

/** Minutes after which a failed record is read again. */
export const failedRecordRetryMinutes = 15;

/** Saves why a record cannot be stored, with an incident that is open until it is stored. */
export async function saveFailedRecord(
  client: Queryable,
  topic: string,
  { accountId, error, resyncId }: FailedRecord,
): Promise<void> {
  await client.query({
    name: 'save-failed-record',
    text: `insert into failed_records as f (account_id, error, resync_id) values ($1, $2, $3)
           on conflict (account_id) do update
              set error = excluded.error, resync_id = coalesce(excluded.resync_id, f.resync_id),
                  attempts = f.attempts + 1, failed_at = now()`,
    values: [accountId, storableText(error), resyncId ?? null],
  });
  await extendIncident(client, {
    topic,
    cause: 'failed record',
    detail: `The record ${accountId} cannot be stored (${error}). It is read again every ${failedRecordRetryMinutes} minutes.`,
    extent: 'accounts',
    accountIds: [accountId],
  });
  await client.query({
    name: 'reopen-incidents-of-record',
    text: `update incidents set state = 'open'
            where state = 'repairing' and resync_id is null and account_ids @> array[$1]`,
    values: [accountId],
  });
}

/** Deletes records that are stored or do not exist any more, and completes an initial load that waited for them. */
export async function clearFailedRecords(client: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { rowCount } = await client.query({
    name: 'clear-failed-records',
    text: 'delete from failed_records where account_id = any($1::text[])',
    values: [ids],
  });
  if ((rowCount ?? 0) === 0) return;
  await client.query({
    name: 'complete-initial-load',
    text: `update subscriptions set loaded_at = now()
            where loaded_at is null and read_through_at is not null and not exists (select from failed_records)`,
  });
}
