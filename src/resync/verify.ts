import { inTransaction, type Queryable } from '../db/database.ts';
import { closeByResync, closeEarlierDifferences } from '../incidents/close-incidents.ts';
import { openIncident } from '../incidents/incident-rows.ts';
import { compareReads } from './compare.ts';
import { confirmDifferences } from './confirm.ts';
import { settleInvisible } from './deletion/settle-invisible.ts';
import { deleteSeen, saveDifferences, saveSeen, saveVerified } from './difference-rows.ts';
import { finishResync } from './finish-resync.ts';
import { prefetch, readChangedSince, readPages, readPagesById } from './pages.ts';
import { requestResync } from './request-resync.ts';
import { endOfRead, noCounts, saveProgress } from './resync-rows.ts';
import { scanUnseenIds } from './scan-accounts.ts';
import type { Outcome, Page, RunningResync } from './snapshot.ts';
import { findDifferingSpans, readSpan } from './windows.ts';

/** Compares what a resync covers with the mirror and saves the differences. */
export async function verify(run: RunningResync): Promise<Outcome> {
  const complete = run.row.mode === 'sample' ? await compareSample(run) : await compareAll(run);
  if (!complete) return escalateToFullVerify(run);
  await confirmDifferences(run);
  if (!(await settleInvisible(run))) return { stopped: true };
  return finish(run);
}

async function compareAll(run: RunningResync): Promise<boolean> {
  const { context, row } = run;
  for await (const page of prefetch(readPages(run))) await compare(run, page);
  if (row.scope !== 'all') return true;
  for await (const ids of scanUnseenIds(context.pool, row.id)) {
    for await (const page of readPagesById(run, ids)) await compare(run, { ...page, resume: endOfRead });
  }
  return true;
}

/**
 * Compares the records changed since the last comparison, and counts and newest times of the rest in windows. Together
 * they find a lost change, a lost deletion and damage that changes a count. Compares everything if nothing was before.
 *
 * @returns false if too much differs for a sample
 */
async function compareSample(run: RunningResync): Promise<boolean> {
  const since = await readComparedThrough(run.context.pool);
  if (since === undefined) return compareAll(run);
  for await (const page of readChangedSince(run, since)) await compare(run, page);
  const spans = await findDifferingSpans(run);
  for (const span of spans ?? []) {
    for await (const page of readSpan(run, span)) await compare(run, page);
  }
  return spans !== undefined;
}

async function compare(run: RunningResync, page: Page): Promise<void> {
  const { context, row, snapshot } = run;
  const found = await compareReads(context, context.pool, snapshot, page);
  const differing = new Set(found.map(({ accountId }) => accountId));
  await inTransaction(context.pool, async (client) => {
    await saveDifferences(client, row.id, found, false);
    if (row.scope === 'all')
      await saveSeen(
        client,
        row.id,
        page.reads.map(({ id }) => id),
      );
    const unchanged = page.reads.filter(({ id }) => !differing.has(id)).length;
    await saveProgress(client, row, { ...noCounts, read: page.reads.length, unchanged }, page.resume);
  });
}

/** The time up to which everything was compared or read; undefined before the first time. */
async function readComparedThrough(client: Queryable): Promise<Date | undefined> {
  const { rows } = await client.query<{ through: Date | null }>({
    name: 'compared-through',
    text: `select max(case when mode = 'repair' then read_at else verified_through end) as through
             from resyncs where state = 'done' and scope = 'all'`,
  });
  return rows[0]?.through ?? undefined;
}

async function finish({ context, row, snapshot }: RunningResync): Promise<Outcome> {
  return inTransaction(context.pool, async (client) => {
    const different = await saveVerified(client, row.id, new Date(snapshot.readAt));
    await deleteSeen(client, row.id);
    if (row.mode === 'verify' && row.scope === 'all') await closeEarlierDifferences(client, context.topic);
    if (different > 0) await recordDifferences(client, { context, row, snapshot }, different);
    const unstored = await finishResync(client, row);
    // Differences that were only compared keep their incident open.
    if (row.repairs) await closeByResync(client, row.id);
    return { stopped: false, different, unstored };
  });
}

/** Opens an incident for the differences: no event explains them. */
async function recordDifferences(
  client: Queryable,
  { context, row, snapshot }: Pick<RunningResync, 'context' | 'row' | 'snapshot'>,
  different: number,
): Promise<void> {
  const { rows } = await client.query<{ ids: string[]; oldest: Date | null }>({
    name: 'confirmed-differences',
    text: `select (array_agg(account_id order by account_id))[1:1000] as ids, min(modified_at) as oldest
             from resync_differences where resync_id = $1 and confirmed`,
    values: [row.id],
  });
  await openIncident(client, {
    topic: context.topic,
    cause: 'difference',
    detail: `${different} ${different === 1 ? 'account' : 'accounts'} differed from Salesforce without an event that explains it.`,
    extent: different > 1_000 ? 'all' : 'accounts',
    accountIds: different > 1_000 ? [] : (rows[0]?.ids ?? []),
    ...(rows[0]?.oldest == null ? {} : { from: rows[0].oldest }),
    to: new Date(snapshot.readAt),
    resyncId: row.id,
  });
}

/** Requests a comparison of everything, since too many windows differ. */
async function escalateToFullVerify({ context, row }: RunningResync): Promise<Outcome> {
  await inTransaction(context.pool, async (client) => {
    const id = await requestResync(client, context.jobs.enqueueResync, {
      scope: 'all',
      mode: 'verify',
      repairs: row.repairs,
      reason: 'sample differs widely',
    });
    await deleteSeen(client, row.id);
    await client.query('delete from resync_differences where resync_id = $1', [row.id]);
    const error = `Too many windows differ for a sample; resync ${id} compares everything.`;
    await client.query({
      name: 'end-sample',
      text: `update resyncs set error = $2 where id = $1`,
      values: [row.id, error],
    });
    await finishResync(client, row);
  });
  return { stopped: false, different: null, unstored: 0 };
}
