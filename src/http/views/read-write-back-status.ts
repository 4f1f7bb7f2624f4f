import type { Static } from 'typebox';
import { advisoryLocks } from '../../db/advisory-locks.ts';
import { isLocked } from '../../db/hold-lock.ts';
import { readFailedCauses } from '../../write-back/failed-causes.ts';
import type { StatusSchema } from '../schemas/status.ts';
import { isoTime } from '../schemas/values.ts';
import type { HttpDependencies } from '../server-types.ts';
import { type WriteBackRow, writeBackColumns, writeBackJson } from './write-back.ts';

type WriteBackStatus = Static<typeof StatusSchema>['writeBack'];

/** Reads the state of the write-back, which another process may run. */
export async function readWriteBackStatus(
  { pool, prisma, topic }: HttpDependencies,
  codes: WriteBackStatus['counts'],
): Promise<WriteBackStatus> {
  const [row, held, failures, lastErrors] = await Promise.all([
    prisma.writeBackState.findUnique({ where: { topic } }),
    pool.query<{ held: boolean }>(`select ${isLocked(advisoryLocks.leader)} as held`),
    readFailedCauses(pool),
    pool.query<WriteBackRow>(
      `SELECT ${writeBackColumns.sql} FROM accounts
        WHERE (code).state = 'failed' AND NOT deleted ORDER BY code_attempted_at DESC NULLS LAST, id DESC LIMIT 5`,
    ),
  ]);
  // The row outlives the process that wrote it; the lock does not.
  const activeState = held.rows[0]?.held === true ? states.find((state) => state === row?.state) : undefined;
  return {
    state: activeState ?? 'idle',
    since: activeState === undefined ? null : isoTime(row?.since ?? null),
    reason: activeState === undefined ? null : reasonOf(row?.reason),
    counts: codes,
    failures,
    lastErrors: lastErrors.rows.map(writeBackJson),
    api: {
      used: row?.apiUsed ?? null,
      max: row?.apiMax ?? null,
      reservePercent: row?.apiReservePercent ?? null,
      seenAt: isoTime(row?.apiSeenAt ?? null),
    },
    backfill:
      row?.backfillRules == null
        ? null
        : {
            seen: row.backfillSeen,
            given: row.backfillGiven,
            startedAt: isoTime(row.backfillStartedAt),
            finishedAt: isoTime(row.backfillFinishedAt),
          },
  };
}

const states = ['running', 'waiting', 'paused'] as const;

function reasonOf(value: unknown): WriteBackStatus['reason'] {
  if (typeof value !== 'object' || value === null) return null;
  const { code, message } = value as { code?: unknown; message?: unknown };
  return { code: String(code), message: String(message) };
}
