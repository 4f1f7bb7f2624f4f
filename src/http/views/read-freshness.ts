import type { Static } from 'typebox';
import type { Queryable } from '../../db/database.ts';
import type { FreshnessSchema } from '../schemas/system.ts';

type Freshness = Static<typeof FreshnessSchema>;

/** Reads how current the mirror was during the last 24 hours. */
export async function readFreshness(client: Queryable): Promise<Freshness> {
  const share = (ms: number): string =>
    `coalesce(avg((max_lag_ms < ${ms})::int) filter (where max_lag_ms is not null), 0)::float8`;
  const { rows } = await client.query<Freshness>({
    name: 'read-freshness',
    text: `select count(max_lag_ms)::int as minutes, ${share(1_000)} as under1s, ${share(5_000)} as under5s,
                  ${share(60_000)} as under60s
             from minute_statistics where minute > now() - interval '1 day'`,
  });
  return rows[0] ?? { minutes: 0, under1s: 0, under5s: 0, under60s: 0 };
}
