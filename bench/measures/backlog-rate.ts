import { cpuShares } from '../cpu.ts';
import type { BenchOrg } from '../org.ts';
import { appliedCount, type BenchDatabase, storedCount } from '../world.ts';

export type Backlog = { readonly warm: number; readonly events: number; readonly createShare?: number };

/**
 * How many events a second a running service stores or applies, from the times in its log. Some events come first, to
 * warm it up. The measured ones are on the bus before the stream delivers the first of them. Only they are counted,
 * from when the first one was received until the last one was done; the service also works on the events of the codes
 * that it writes meanwhile.
 *
 * @param pids of the processes whose shares of a core are returned
 */
export async function backlogRate(
  database: BenchDatabase,
  org: BenchOrg,
  what: 'store' | 'apply',
  { warm, events, createShare }: Backlog,
  pids: Readonly<Record<string, number>> = {},
): Promise<{ readonly rate: number; readonly shares: Record<string, number> }> {
  const done = what === 'store' ? storedCount : appliedCount;
  // Nothing is left of events that came before.
  const settle = what === 'apply' ? () => database.until(settled, 1) : async () => {};
  await settle();
  const before = await database.count(done);
  await org.produce(warm, createShare);
  await database.until(done, before + warm);
  await settle();
  const there = await database.count(done);
  const [newest] = await database.rows<{ id: string }>('select coalesce(max(id), 0)::text as id from events');
  await org.produce(events, createShare);
  const { shares } = await cpuShares(pids, () => database.until(done, there + events));
  const [row] = await database.rows<{ count: string; seconds: number }>(
    `select count(done_at), extract(epoch from max(done_at) - min(received_at))::float8 as seconds
       from (select received_at, ${what === 'store' ? 'received_at' : 'applied_at'} as done_at
               from event_log where id > $1 order by id limit $2) measured`,
    [newest?.id, events],
  );
  return { rate: Number(row?.count) / (row?.seconds ?? Number.NaN), shares };
}

/** 1 when every event is applied, those of written codes too. */
const settled = `
  select (not exists (select from event_queue)
          and not exists (select from signup_codes where state in ('pending', 'written')))::int as count`;
