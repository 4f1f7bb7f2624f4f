import { setTimeout as pause } from 'node:timers/promises';
import type { Version } from '../apply/version.ts';
import { inTransaction, type Queryable } from '../db/database.ts';
import { readWatermark } from '../ingest/subscription-rows.ts';
import { applyPage, type ReadPage } from './apply-reads.ts';
import { compareReads } from './compare.ts';
import {
  type Difference,
  dropDifferences,
  dropUnconfirmed,
  saveDifferences,
  unconfirmed,
} from './difference-rows.ts';
import { byId } from './pages.ts';
import type { Page, Reading, RunningResync } from './reading.ts';
import { lockClaim } from './resync-claim.ts';

const idsAtOnce = 200;
// An account that is changed without a pause can't be compared; the next comparison sees it.
const maxSettleTimes = 5;

/**
 * Looks again at every account that differed: what was only on its way is equal by now, and what still differs
 * although the mirror had the time to hear of it is confirmed, and repaired where that is wanted.
 */
export async function confirmDifferences(run: RunningResync): Promise<void> {
  const { context, row, signal } = run;
  const begin = Date.now();
  for (let waitMs = 200; ; waitMs = Math.min(5_000, waitMs * 2)) {
    let open = 0;
    for (let after = ''; ; ) {
      const ids = await unconfirmed(context.pool, row.id, after, idsAtOnce);
      const last = ids.at(-1);
      if (last === undefined) break;
      open += await lookAgain(run, ids);
      after = last;
    }
    if (open === 0) return;
    if (Date.now() - begin > maxSettleTimes * context.settleMs) return giveUpOnUnconfirmed(run);
    await pause(Math.min(waitMs, context.settleMs), undefined, { signal });
  }
}

async function giveUpOnUnconfirmed({ context, row }: RunningResync): Promise<void> {
  await inTransaction(context.pool, async (client) => {
    await lockClaim(client, row);
    await dropUnconfirmed(client, row.id);
  });
}

/** @returns how many can't be told yet */
async function lookAgain(run: RunningResync, ids: readonly string[]): Promise<number> {
  const { context, row, callWithinBudget } = run;
  const reading = await renewed(run);
  const late = await isLate(context.pool, context.topic);
  let open = 0;
  for await (const page of byId({ context, reading, callWithinBudget }, ids)) {
    const found = await compareReads(context, context.pool, reading, page);
    const certain = found.filter((one) => isCertain(run, one, reading.watermark, late));
    open += found.length - certain.length;
    const differing = new Set(found.map(({ accountId }) => accountId));
    const asked = [...page.reads, ...page.absent].map(({ id }) => id);
    const save = async (client: Queryable): Promise<void> => {
      await lockClaim(client, row);
      await dropDifferences(
        client,
        row.id,
        asked.filter((id) => !differing.has(id)),
      );
      await saveDifferences(client, row.id, certain, true);
    };
    if (row.repairs) await applyPage(context, reading, only(page, certain), save);
    else await inTransaction(context.pool, save);
  }
  return open;
}

/** The same reading, made now. */
async function renewed({ context, reading }: RunningResync): Promise<Reading> {
  const watermark = await readWatermark(context.pool, context.topic);
  return { ...reading, watermark, readAt: Date.now() };
}

/** Whether events have been waiting to be applied: then time that goes by says nothing. */
async function isLate(client: Queryable, topic: string): Promise<boolean> {
  const { rows } = await client.query<{ late: boolean }>({
    name: 'is-late',
    text: `select coalesce((select received_at < now() - interval '1 second' from events
                             where topic = $1 and state = 'stored' order by id limit 1), false) as late`,
    values: [topic],
  });
  return rows[0]?.late ?? false;
}

// Commit times are whole seconds, and within a transaction they differ by one.
const secondsMs = 2_000;

/**
 * Whether the change that would explain a difference has had the time to come: the mirror has applied a commit later
 * than the reading that the difference was found by, or the record has been left alone for long enough.
 */
function isCertain(
  { context, reading }: RunningResync,
  { modifiedAt }: Difference,
  watermark: Version,
  late: boolean,
): boolean {
  const hadTime = (since: number): boolean => !late && Date.now() - since > context.settleMs;
  if (modifiedAt === null) return hadTime(reading.readAt);
  const unchanged = modifiedAt.getTime() < reading.readAt;
  return hadTime(modifiedAt.getTime()) || (unchanged && watermark[0] > reading.readAt + secondsMs);
}

function only({ reads, absent, ...rest }: Page, differences: readonly Difference[]): ReadPage {
  const wanted = new Set(differences.map(({ accountId }) => accountId));
  return {
    ...rest,
    reads: reads.filter(({ id }) => wanted.has(id)),
    absent: absent.filter(({ id }) => wanted.has(id)),
  };
}
