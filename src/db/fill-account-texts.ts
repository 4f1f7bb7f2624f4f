import type { Queryable } from './database.ts';

/**
 * Gives every account the text it is searched by, where it was written before there were triggers for that: piece by
 * piece, so that nobody waits for long. What is written meanwhile has its text from the triggers.
 * @param stopped breaks it off; what is filled in stays
 */
export async function fillAccountTexts(client: Queryable, stopped: AbortSignal): Promise<void> {
  let last: string | null | undefined = '';
  while (typeof last === 'string') {
    if (stopped.aborted) return;
    last = await fillAfter(client, last);
  }
  // Of an account that was removed after it had been read, before its text was there to be removed with it.
  await client.query(
    'delete from account_texts t where not exists (select from accounts a where a.id = t.account_id)',
  );
}

/** @returns the last account of the piece, if there was one */
async function fillAfter(client: Queryable, id: string): Promise<string | null | undefined> {
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
