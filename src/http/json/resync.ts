import type { Static } from 'typebox';
import { Prisma, type Resync } from '../../db/generated/client.ts';
import type { ResyncSchema } from '../schemas/resync.ts';
import { isoTime } from './time.ts';

export function resyncJson(row: ResyncRow): ResyncJson {
  return {
    id: row.id,
    scope: isScope(row.scope) ? row.scope : 'accounts',
    reason: row.reason,
    accountIds: row.accountIds,
    since: isoTime(row.since),
    state: isState(row.state) ? row.state : 'queued',
    read: row.read,
    created: row.created,
    updated: row.updated,
    unchanged: row.unchanged,
    deleted: row.deleted,
    failed: row.failed,
    error: row.error,
    requestedBy: row.requestedBy,
    createdAt: isoTime(row.createdAt),
    startedAt: isoTime(row.startedAt),
    finishedAt: isoTime(row.finishedAt),
  };
}

/** The columns of a `ResyncRow`. */
export const resyncColumns =
  Prisma.raw(`id, scope, reason, coalesce(account_ids, '{}') AS "accountIds", since, state, read,
  created, updated, unchanged, deleted, failed, error, requested_by AS "requestedBy", created_at AS "createdAt",
  started_at AS "startedAt", finished_at AS "finishedAt"`);

function isScope(scope: string): scope is ResyncJson['scope'] {
  return ['all', 'since', 'accounts'].includes(scope);
}

function isState(state: string): state is ResyncJson['state'] {
  return ['queued', 'reading', 'applying', 'done', 'failed', 'cancelled'].includes(state);
}

export type ResyncRow = Omit<Resync, 'watermark'>;

type ResyncJson = Static<typeof ResyncSchema>;
