import type { Static } from 'typebox';
import type { Queryable } from '../../db/database.ts';
import type { PrismaClient, Resync } from '../../db/generated/client.ts';
import { resyncModes } from '../../resync/request-resync.ts';
import { unfinishedStates } from '../../resync/resync-claim.ts';
import type { StatusSchema } from '../schemas/status.ts';
import { isoTime } from '../schemas/values.ts';
import { percentOf, resyncJson } from './resync.ts';

/** Reads the result of the last verification of all accounts; null if there was none. */
export async function readLastVerification(db: Queryable): Promise<Status['lastVerification']> {
  const { rows } = await db.query<Verified>({
    name: 'newest-verify',
    text: `select id, mode, read, verified_through as "verifiedThrough", finished_at as "finishedAt",
                  coalesce(different, (select count(*)::int from resync_differences d
                                        where d.resync_id = r.id and d.confirmed)) as different,
                  repairs or exists (select from incidents i where i.resync_id = r.id and i.state = 'closed') as repaired
             from resyncs r where mode <> 'repair' and scope = 'all' and state = 'done' order by finished_at desc limit 1`,
  });
  const [row] = rows;
  if (row === undefined) return null;
  return {
    resyncId: row.id,
    mode: resyncModes.find((mode) => mode === row.mode) ?? 'verify',
    compared: row.read,
    different: row.different,
    repaired: row.repaired,
    verifiedThrough: isoTime(row.verifiedThrough),
    at: isoTime(row.finishedAt),
  };
}

/** Reads the unfinished resyncs, the oldest first. */
export async function readOpenResyncs(prisma: PrismaClient): Promise<Status['resyncs']> {
  const rows = await prisma.resync.findMany({
    where: { state: { in: unfinishedStates } },
    orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
    take: 20,
  });
  return rows.map((row) => {
    const { id, scope, mode, reason, state, read, expected, waiting } = resyncJson(row, null);
    return { id, scope, mode, reason, state, read, expected, percent: percentOf(row), waiting };
  });
}

type Status = Static<typeof StatusSchema>;
type Verified = Pick<Resync, 'id' | 'mode' | 'read' | 'verifiedThrough'> & {
  readonly different: number;
  readonly repaired: boolean;
  readonly finishedAt: Date;
};
