import type { Queryable } from './database.ts';

/**
 * Fills the search texts of accounts that are older than the triggers which maintain them. It works in small batches,
 * which hold locks for a short time.
 * @param stopped interrupts the work between batches; finished batches are kept
 */
export async function fillAccountTexts(client: Queryable, stopped: AbortSignal): Promise<void> {
  let last: string | null | undefined = '';
  while (typeof last === 'string') {
    if (stopped.aborted) return;
    last = await fillBatch(client, last);
  }
  // Texts of accounts that were removed between the read and the insert.
  await client.query(
    'delete from account_texts t where not exists (select from accounts a where a.id = t.account_id)',
  );
}

/** @returns the last id of the batch; null if there was none */
async function fillBatch(client: Queryable, id: string): Promise<string | null | undefined> {
  const { rows } = await client.query<{ last: string | null }>(
    `with piece as (
       select id, fold_case(name) as folded_name, search_text, deleted from accounts
        where id > $1 order by id limit 5000
     ), filled as (
       insert into account_texts (account_id, folded_name, search_text, deleted) select * from piece
           on conflict do nothing
     )
     select max(id) as last from piece`,
    [id],
  );
  return rows[0]?.last;
}
