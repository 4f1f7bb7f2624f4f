import type { Queryable } from '../db/database.ts';

/** An error code, and how many codes failed with it. */
export type FailedCause = {
  /** Salesforce's status code, or one of Tidemark in lower case. */
  readonly code: string;
  readonly count: number;
  /** Salesforce's message for the newest of them. */
  readonly message: string;
};

/**
 * Reads the causes of failed codes, the most frequent first, at most 20.
 * Only the first 100,000 failed codes are counted, which limits the time of the query.
 */
export async function readFailedCauses(client: Queryable): Promise<FailedCause[]> {
  const { rows } = await client.query<FailedCause>({
    name: 'failed-causes',
    text: `select coalesce(error ->> 'code', 'UNKNOWN') as code, count(*)::int as count,
                  coalesce((array_agg(error ->> 'message' order by error ->> 'at' desc nulls last))[1], '') as message
             from (select c.error from signup_codes c join accounts a on a.id = c.account_id
                    where c.state = 'failed' and not a.deleted limit 100000) f
            group by 1 order by count desc, code limit 20`,
  });
  return rows;
}
