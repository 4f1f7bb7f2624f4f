import type { Queryable } from '../db/database.ts';

/** A record that was reported as changed; a read that is sent later confirms whether it exists. */
export type ReportedRecord = {
  /** 18 characters. */
  readonly id: string;
  /** Epoch milliseconds. */
  readonly reportedAt: number;
};

/** Saves reported records that the mirror does not have. */
export async function saveUnconfirmed(client: Queryable, records: readonly ReportedRecord[]): Promise<void> {
  if (records.length === 0) return;
  await client.query({
    name: 'save-unconfirmed',
    text: `insert into unconfirmed_records (id, reported_at)
           select id, max(to_timestamp("reportedAt" / 1000.0))
             from jsonb_to_recordset($1) as r (id text, "reportedAt" bigint) group by id order by id
           on conflict (id) do update set reported_at = greatest(unconfirmed_records.reported_at, excluded.reported_at)`,
    values: [JSON.stringify(records)],
  });
}

/** Deletes records that a read has confirmed or not found. @param readAt when the read was sent, epoch milliseconds */
export async function clearUnconfirmed(
  client: Queryable,
  ids: readonly string[],
  readAt: number,
): Promise<void> {
  if (ids.length === 0) return;
  await client.query({
    name: 'clear-unconfirmed',
    text: `delete from unconfirmed_records
            where id = any($1::text[]) and reported_at <= to_timestamp($2::bigint / 1000.0)`,
    values: [ids, readAt],
  });
}
