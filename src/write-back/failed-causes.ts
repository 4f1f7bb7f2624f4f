import type { Queryable } from '../db/database.ts';

/** Why codes failed, and how many. */
export type FailedCause = {
  /** Salesforce's status code, or one of ours in lower case. */
  readonly code: string;
  readonly count: number;
  /** Salesforce's words for the newest of them. */
  readonly message: string;
};

/**
 * The causes of failed codes, the most frequent first, twenty at most.
 * Counted among the first hundred thousand: if there are more, the causes are the same.
 */
export async function readFailedCauses(client: Queryable): Promise<FailedCause[]> {
  const { rows } = await client.query<FailedCause>({
    name: 'failed-causes',
    text: `select coalesce(error ->> 'code', 'UNKNOWN') as code, count(*)::int as count,
                  coalesce((array_agg(error ->> 'message' order by error ->> 'at' desc nulls last))[1], '') as message
             from (select code_error as error from accounts
                    where code_state = 'failed' and not deleted limit 100000) f
            group by 1 order by count desc, code limit 20`,
  });
  return rows;
}
