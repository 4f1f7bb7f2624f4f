import { readKnownVersions } from '../incidents/request-reads.ts';
import {
  countAccounts,
  maxIdsPerRead,
  type ReadFrom,
  readAccounts,
  readAccountsFrom,
} from '../salesforce/read-accounts.ts';
import { readByBulkJob } from './bulk-pages.ts';
import { findDeletionProofs } from './deletion/find-deletion-proofs.ts';
import { endOfRead, saveMethod } from './resync-rows.ts';
import { scanUnreadIds } from './scan-accounts.ts';
import type { Page, RunningResync } from './snapshot.ts';
import { expectComplete } from './snapshot.ts';

const overlapMs = 5 * 60_000;

/** Reads the next part while this one is worked on. */
export async function* prefetch<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  const readNext = (): Promise<IteratorResult<T>> => {
    const next = source.next();
    // Where nobody comes for it any more, its failure is nobody's.
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

/** What a resync reads, deleted records included. The method is chosen by the number of records. */
export async function* readPages(run: RunningResync): AsyncGenerator<Page> {
  const { row } = run;
  if (row.scope === 'accounts') {
    yield* readPagesById(run, row.accountIds);
  } else {
    yield* readChangedSince(run, row.scope === 'since' ? (row.since ?? new Date(0)) : null);
  }
}

/** Everything that changed at or after a moment, and some time before it; null reads all. */
export async function* readChangedSince(run: RunningResync, moment: Date | null): AsyncGenerator<Page> {
  const { context, row, callWithinBudget } = run;
  const { connection } = context.org;
  const since = moment === null ? null : new Date(moment.getTime() - overlapMs);
  if (row.resumeAt === endOfRead.at) return;
  let { method, expected } = row;
  if (method === null || expected === null) {
    expected = await callWithinBudget(() => countAccounts(connection, since));
    method = expected >= context.bulkFrom ? 'bulk' : 'rest';
    await saveMethod(context.pool, row, method, expected);
  }
  if (method === 'bulk') {
    yield* readByBulkJob(run, since === null ? null : `SystemModstamp >= ${since.toISOString()}`, expected);
  } else {
    let { read } = row;
    for await (const page of inOrderOfChange(run, since ?? new Date(0))) {
      read += page.reads.length;
      yield page;
    }
    expectComplete(read, expected);
  }
}

async function* inOrderOfChange(run: RunningResync, since: Date): AsyncGenerator<Page> {
  const { context, row, snapshot, callWithinBudget } = run;
  const from = parsePlace(row.resumeAt) ?? since;
  for await (const { reads, through } of readAccountsFrom(
    context.org.connection,
    snapshot.plan,
    from,
    callWithinBudget,
  )) {
    const at = through === undefined ? row.resumeAt : formatPlace(through);
    yield { reads, absent: [], resume: { at, rows: 0 } };
  }
}

function formatPlace({ systemModstamp, id }: ReadFrom): string {
  return `${systemModstamp} ${id}`;
}

function parsePlace(text: string | null): ReadFrom | undefined {
  const [, systemModstamp, id] = /^(\d+) (\w{18})$/.exec(text ?? '') ?? [];
  return id === undefined ? undefined : { systemModstamp: Number(systemModstamp), id };
}

/** Accounts by their ids. */
export async function* readPagesById(
  run: Pick<RunningResync, 'context' | 'snapshot' | 'callWithinBudget'>,
  ids: readonly string[],
): AsyncGenerator<Page> {
  const { context, snapshot, callWithinBudget } = run;
  const size = maxIdsPerRead(snapshot.plan);
  for (let start = 0; start < ids.length; start += size) {
    const asked = ids.slice(start, start + size);
    const known = await readKnownVersions(context.pool, asked);
    const reads = await callWithinBudget(() => readAccounts(context.org.connection, snapshot.plan, asked));
    const found = new Set(reads.map(({ id }) => id));
    const missing = asked.filter((id) => !found.has(id));
    const absent =
      missing.length === 0 ? [] : await findDeletionProofs({ context, snapshot, callWithinBudget }, missing);
    yield { reads, absent, known, resume: { at: null, rows: 0 } };
  }
}

/**
 * What the mirror has alive and the complete reading did not bring is asked for by id: only that tells what is gone
 * from what is new.
 */
export async function* readMissing(run: RunningResync): AsyncGenerator<Page> {
  for await (const ids of scanUnreadIds(run.context.pool, run.snapshot.readAt)) {
    for await (const page of readPagesById(run, ids)) yield { ...page, resume: endOfRead };
  }
}
