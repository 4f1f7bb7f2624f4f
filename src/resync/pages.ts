import { readKnownVersions } from '../incidents/request-reads.ts';
import {
  countAccounts,
  maxIdsPerRead,
  type ReadFrom,
  readAccounts,
  readAccountsFrom,
} from '../salesforce/read-accounts.ts';
import { BulkRefusedError, readByBulkJob } from './bulk-pages.ts';
import { findDeletionProofs } from './deletion/find-deletion-proofs.ts';
import { endOfRead, saveMethod } from './resync-rows.ts';
import { scanUnreadIds } from './scan-accounts.ts';
import type { Page, RunningResync } from './snapshot.ts';
import { expectComplete } from './snapshot.ts';

const overlapMs = 5 * 60_000;

/** Reads the next page while the current one is processed. */
export async function* prefetch<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  const readNext = (): Promise<IteratorResult<T>> => {
    const next = source.next();
    // If the consumer stops, a failure of this page is not an unhandled rejection.
    next.catch(() => {});
    return next;
  };
  try {
    for (let next = readNext(); ; ) {
      const result = await next;
      if (result.done === true) return;
      next = readNext();
      yield result.value;
    }
  } finally {
    await source.return(undefined).catch(() => {});
  }
}

/** Reads what a resync covers, including deleted records. */
export async function* readPages(run: RunningResync): AsyncGenerator<Page> {
  const { row } = run;
  if (row.scope === 'accounts') {
    yield* readPagesById(run, row.accountIds);
    return;
  }
  yield* readChangedSince(run, row.scope === 'since' ? (row.since ?? new Date(0)) : null);
  for await (const page of readPagesById(run, row.accountIds)) yield { ...page, resume: endOfRead };
}

/** Reads what changed since a moment, with an overlap, or everything; the number of records decides the method. */
export async function* readChangedSince(run: RunningResync, moment: Date | null): AsyncGenerator<Page> {
  const { context, row, callWithinBudget } = run;
  const { connection } = context.org;
  const since = moment === null ? null : new Date(moment.getTime() - overlapMs);
  if (row.resumeAt === endOfRead.at) return;
  let { method, expected } = row;
  if (method === null || expected === null) {
    expected = await callWithinBudget(() => countAccounts(connection, since));
    method = expected >= context.bulkFrom ? 'bulk' : 'rest';
    await saveMethod(context.prisma, row, method, expected);
  }
  if (method === 'bulk') {
    try {
      const where = since === null ? null : `SystemModstamp >= ${since.toISOString()}`;
      return yield* readByBulkJob(run, where, expected);
    } catch (error) {
      if (!(error instanceof BulkRefusedError)) throw error;
      const { code, message, action } = error.cause;
      context.logger.warn(
        { resync: row.id, code, reason: message, action },
        'Salesforce refuses bulk jobs; reading by queries',
      );
      await saveMethod(context.prisma, row, 'rest', expected);
    }
  }
  let { read } = row;
  for await (const page of readByRest(run, since ?? new Date(0))) {
    read += page.reads.length;
    yield page;
  }
  expectComplete(read, expected);
}

async function* readByRest(run: RunningResync, since: Date): AsyncGenerator<Page> {
  const { context, row, snapshot, callWithinBudget } = run;
  const from = parseResumePoint(row.resumeAt) ?? since;
  for await (const { reads, through } of readAccountsFrom(
    context.org.connection,
    snapshot.plan,
    from,
    callWithinBudget,
  )) {
    const at = through === undefined ? row.resumeAt : formatResumePoint(through);
    yield { reads, absent: [], resume: { at, rows: 0 } };
  }
}

function formatResumePoint({ systemModstamp, id }: ReadFrom): string {
  return `${systemModstamp} ${id}`;
}

function parseResumePoint(text: string | null): ReadFrom | undefined {
  const [, systemModstamp, id] = /^(\d+) (\w{18})$/.exec(text ?? '') ?? [];
  return id === undefined ? undefined : { systemModstamp: Number(systemModstamp), id };
}

/** Reads accounts by id, with the proof of deletion for those that are absent. */
export async function* readPagesById(
  run: Pick<RunningResync, 'context' | 'snapshot' | 'callWithinBudget'>,
  ids: readonly string[],
): AsyncGenerator<Page> {
  const { context, snapshot, callWithinBudget } = run;
  const size = maxIdsPerRead(snapshot.plan);
  for (let start = 0; start < ids.length; start += size) {
    const requested = ids.slice(start, start + size);
    const known = await readKnownVersions(context.pool, requested);
    const reads = await callWithinBudget(() =>
      readAccounts(context.org.connection, snapshot.plan, requested),
    );
    const found = new Set(reads.map(({ id }) => id));
    const missing = requested.filter((id) => !found.has(id));
    const absent =
      missing.length === 0 ? [] : await findDeletionProofs({ context, snapshot, callWithinBudget }, missing);
    yield { reads, absent, known, resume: { at: null, rows: 0 } };
  }
}

/** Reads by id what a complete read did not return: this tells deleted accounts from new ones. */
export async function* readMissing(run: RunningResync): AsyncGenerator<Page> {
  for await (const ids of scanUnreadIds(run.context.pool, run.snapshot.readAt)) {
    for await (const page of readPagesById(run, ids)) yield { ...page, resume: endOfRead };
  }
}
