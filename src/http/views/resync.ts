import type { Static } from 'typebox';
import { columnsOf } from '../../db/columns-of.ts';
import type { Queryable } from '../../db/database.ts';
import { Prisma, type Resync } from '../../db/generated/client.ts';
import { resyncModes, resyncScopes, resyncStates } from '../../resync/request-resync.ts';
import { Problem } from '../problem.ts';
import type { ResyncSchema } from '../schemas/resync.ts';
import { isoTime } from '../schemas/values.ts';
import { readVerification } from './read-verifications.ts';

/** @param verification the result of a finished verification; null for every other resync */
export function resyncJson(row: Resync, verification: ResyncJson['verification']): ResyncJson {
  return {
    id: row.id,
    scope: resyncScopes.find((scope) => scope === row.scope) ?? 'accounts',
    mode: resyncModes.find((mode) => mode === row.mode) ?? 'repair',
    repairs: row.repairs,
    reason: row.reason,
    accountIds: row.accountIds,
    fields: row.fields,
    invalidIds: row.invalidIds,
    unknownIds: row.unknownIds,
    since: isoTime(row.since),
    state: resyncStates.find((state) => state === row.state) ?? 'queued',
    method: row.method,
    expected: row.expected,
    percent: percentOf(row),
    waiting: row.waiting,
    read: row.read,
    created: row.created,
    updated: row.updated,
    unchanged: row.unchanged,
    kept: row.kept,
    deleted: row.deleted,
    notVisible: row.notVisible,
    confirmedBy: row.confirmedBy,
    confirmedAt: isoTime(row.confirmedAt),
    failed: row.failed,
    error: row.error,
    certificate: row.state === 'done' ? certificateOf(row) : null,
    verification,
    requestedBy: row.requestedBy,
    createdAt: isoTime(row.createdAt),
    startedAt: isoTime(row.startedAt),
    finishedAt: isoTime(row.finishedAt),
  };
}

/** 100 only when the resync is done, because `expected` is a count at one time. */
export function percentOf({ state, read, expected }: Pick<Resync, 'state' | 'read' | 'expected'>) {
  if (state === 'done') return 100;
  if (expected === null) return null;
  return expected === 0 ? 0 : Math.min(99, Math.floor((read / expected) * 100));
}

/** Whether the resync is in a final state. */
export function isFinished({ state }: Pick<Resync, 'state'>): boolean {
  return ['done', 'failed', 'cancelled'].includes(state);
}

/** Whether the resync is final or waits for a confirmation. */
export function isAtRest(resync: Pick<Resync, 'state'>): boolean {
  return isFinished(resync) || resync.state === 'needs-confirmation';
}

function certificateOf(row: Resync): NonNullable<ResyncJson['certificate']> {
  return {
    position: row.position === null ? null : Buffer.from(row.position).toString('base64'),
    watermark: row.watermark,
    readAt: isoTime(row.readAt),
    bulkJobId: row.bulkJobId,
    method: row.method,
    rowsRead: row.read,
    rowsCreated: row.created,
    rowsOverwritten: row.updated,
    rowsKept: row.kept,
    eventsMeanwhile: row.eventsMeanwhile,
    finishedAt: isoTime(row.finishedAt),
  };
}

/** The columns of a `Resync`. */
export const resyncColumns = Prisma.raw(columnsOf(Object.values(Prisma.ResyncScalarFieldEnum)));

export type ResyncJson = Static<typeof ResyncSchema>;

/** @throws Problem 404 if the resync does not exist */
export async function readResync(db: Queryable, id: string): Promise<ResyncJson> {
  const { rows } = await db.query<Resync>({
    name: 'read-resync',
    text: `SELECT ${resyncColumns.sql} FROM resyncs WHERE id = $1`,
    values: [id],
  });
  const [row] = rows;
  if (row === undefined) throw unknownResync(id);
  return resyncJson(row, await readVerification(db, row));
}

export function unknownResync(id: string): Problem {
  return new Problem('not-found', `Resync ${id} does not exist.`);
}
