import { setTimeout as pause } from 'node:timers/promises';
import type { Version } from '../apply/version.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { readWatermark } from '../ingest/subscription-rows.ts';
import { applyPage, type ReadPage } from './apply-reads.ts';
import { compareReads } from './compare.ts';
import {
  type Difference,
  deleteDifferences,
  deleteUnconfirmed,
  readUnconfirmed,
  saveDifferences,
} from './difference-rows.ts';
import { readPagesById } from './pages.ts';
import { lockClaim } from './resync-claim.ts';
import type { Page, RunningResync } from './snapshot.ts';

const idsAtOnce = 200;
// An account that changes all the time cannot be compared; the next comparison includes it.
const maxSettlePeriods = 5;

/**
 * Compares every differing account again until its difference is gone or confirmed: a difference is confirmed if the
 * event that would explain it had time to arrive. Confirmed differences are repaired if the resync repairs.
 */
export async function confirmDifferences(run: RunningResync): Promise<void> {
  const { context, row, signal } = run;
  const begin = Date.now();
  for (let waitMs = 200; ; waitMs = Math.min(5_000, waitMs * 2)) {
    let open = 0;
    for (let after = ''; ; ) {
      const ids = await readUnconfirmed(context.prisma, row.id, after, idsAtOnce);
      const last = ids.at(-1);
      if (last === undefined) break;
      open += await compareAgain(run, ids);
      after = last;
    }
    if (open === 0) return;
    if (Date.now() - begin > maxSettlePeriods * context.settleMs) {
      return inTransaction(context.pool, async (client) => {
        await lockClaim(client, row);
        await deleteUnconfirmed(client, row.id);
      });
    }
    await pause(Math.min(waitMs, context.settleMs), undefined, { signal });
  }
}

/** @returns the number of accounts whose difference is neither gone nor confirmed */
async function compareAgain(run: RunningResync, ids: readonly string[]): Promise<number> {
  const { context, row, callWithinBudget } = run;
  const watermark = await readWatermark(context.pool, context.topic);
  const snapshot = { ...run.snapshot, watermark, readAt: Date.now() };
  const isLagging = await isApplyLagging(context.pool, context.topic);
  let open = 0;
  for await (const page of readPagesById({ context, snapshot, callWithinBudget }, ids)) {
    const found = await compareReads(context, context.pool, snapshot, page);
    const confirmed = found.filter((one) => isConfirmed(run, one, watermark, isLagging));
    open += found.length - confirmed.length;
    const differing = new Set(found.map(({ accountId }) => accountId));
    const requested = [...page.reads, ...page.absent].map(({ id }) => id);
    const save = async (client: Queryable): Promise<void> => {
      await lockClaim(client, row);
      await deleteDifferences(
        client,
        row.id,
        requested.filter((id) => !differing.has(id)),
      );
      await saveDifferences(client, row.id, confirmed, true);
    };
    if (row.repairs) await applyPage(context, snapshot, filterPage(page, confirmed), save);
    else await inTransaction(context.pool, save);
  }
  return open;
}

/** Whether stored events wait to be applied: then elapsed time proves nothing. */
async function isApplyLagging(client: Queryable, topic: string): Promise<boolean> {
  const { rows } = await client.query<{ late: boolean }>({
    name: 'is-late',
    text: `select coalesce((select received_at < now() - interval '1 second' from event_queue
                             where topic = $1 order by event_id limit 1), false) as late`,
    values: [topic],
  });
  return rows[0]?.late ?? false;
}

// Commit times are whole seconds and differ by up to one within a transaction.
const commitToleranceMs = 2_000;

/**
 * Whether the event that would explain a difference had time to arrive: the mirror has applied a later commit than the
 * snapshot that found the difference, or the record has not changed for the settle time.
 */
function isConfirmed(
  { context, snapshot }: RunningResync,
  { modifiedAt }: Difference,
  watermark: Version,
  isLagging: boolean,
): boolean {
  const hadTime = (since: number): boolean => !isLagging && Date.now() - since > context.settleMs;
  if (modifiedAt === null) return hadTime(snapshot.readAt);
  const unchanged = modifiedAt.getTime() < snapshot.readAt;
  return hadTime(modifiedAt.getTime()) || (unchanged && watermark[0] > snapshot.readAt + commitToleranceMs);
}

function filterPage({ reads, absent, ...rest }: Page, differences: readonly Difference[]): ReadPage {
  const wanted = new Set(differences.map(({ accountId }) => accountId));
  return {
    ...rest,
    reads: reads.filter(({ id }) => wanted.has(id)),
    absent: absent.filter(({ id }) => wanted.has(id)),
  };
}
