import type { Static } from 'typebox';
import { advisoryLocks } from '../../db/advisory-locks.ts';
import type { WriteBackState as WriteBackStateRow } from '../../db/generated/client.ts';
import { isLocked } from '../../db/hold-lock.ts';
import type { WriteBackActivity } from '../../write-back/code-reason.ts';
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
  const { row, state, reason } = await readActivity({ pool, prisma, topic });
  const failures = await readFailedCauses(pool);
  const lastErrors = await pool.query<WriteBackRow>(
    `SELECT ${writeBackColumns.sql} FROM accounts
      WHERE (code).state = 'failed' AND NOT deleted ORDER BY code_attempted_at DESC NULLS LAST, id DESC LIMIT 5`,
  );
  return {
    state,
    since: state === 'idle' ? null : isoTime(row?.since ?? null),
    reason,
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

/** Reads what the write-back does: `idle` without a process that runs it. */
export async function readActivity({
  pool,
  prisma,
  topic,
}: Pick<HttpDependencies, 'pool' | 'prisma' | 'topic'>): Promise<
  WriteBackActivity & { readonly row: WriteBackStateRow | null }
> {
  const row = await prisma.writeBackState.findUnique({ where: { topic } });
  const held = await pool.query<{ held: boolean }>(`select ${isLocked(advisoryLocks.leader)} as held`);
  // The row outlives the process that wrote it; the lock does not.
  const state = held.rows[0]?.held === true ? states.find((name) => name === row?.state) : undefined;
  return { row, state: state ?? 'idle', reason: state === undefined ? null : reasonOf(row?.reason) };
}

const states = ['running', 'waiting', 'paused'] as const;

function reasonOf(value: unknown): WriteBackStatus['reason'] {
  if (typeof value !== 'object' || value === null) return null;
  const { code, message } = value as { code?: unknown; message?: unknown };
  return { code: String(code), message: String(message) };
}
