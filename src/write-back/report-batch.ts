import type { Logger } from 'pino';
import type { CodeError } from '../codes/signup-code.ts';
import type { AttemptOutcome } from './judge-result.ts';
import type { BatchReport } from './write-batch.ts';

/** An error code, and how many codes were refused with it. */
export type Cause = { readonly code: string; readonly count: number; readonly message: string };

export type BatchReporter = {
  /** Logs the outcomes of a batch. */
  report(batch: BatchReport): void;
  /** Logs the outcomes that were not logged yet. */
  flush(): void;
};

// Outcomes of calls with a single code are logged together.
const reportIntervalMs = 10_000;

/** Logs the numbers of written, failed and retried codes: per batch, or per interval for calls with a single code. */
export function createBatchReporter(logger: Logger, now: () => number = Date.now): BatchReporter {
  let written = 0;
  let failed: CodeError[] = [];
  let retried: CodeError[] = [];
  let reportedAt = Number.NEGATIVE_INFINITY;

  const flush = (): void => {
    if (written > 0) logger.info({ codes: written }, 'signup codes written to Salesforce');
    if (failed.length > 0) {
      const action = 'Correct the cause in Salesforce, then POST /v1/write-backs/retry with the error code.';
      const fields = { codes: failed.length, causes: causesOf(failed), action };
      logger.warn(fields, 'signup codes refused by Salesforce');
    }
    if (retried.length > 0) {
      const fields = { codes: retried.length, causes: causesOf(retried) };
      logger.warn(fields, 'signup codes refused by Salesforce; retrying');
    }
    written = 0;
    failed = [];
    retried = [];
    reportedAt = now();
  };

  return {
    report({ outcomes, call }) {
      written += outcomes.filter(({ outcome }) => outcome === 'written').length;
      failed.push(...errorsOf(outcomes, 'failed'));
      // The status reporter logs the beginning and the end of a refusal by the whole org.
      const isKnown = call?.refusedBy === 'org' || call?.refusedBy === 'access';
      if (!isKnown) retried.push(...errorsOf(outcomes, 'pending'));
      if (outcomes.length > 1 || now() - reportedAt >= reportIntervalMs) flush();
    },
    flush,
  };
}

function errorsOf(outcomes: readonly AttemptOutcome[], state: AttemptOutcome['state']): CodeError[] {
  return outcomes.flatMap((outcome) =>
    outcome.state === state && outcome.error !== null ? [outcome.error] : [],
  );
}

/** Groups errors by code, the most frequent first, each with the message of its first error. */
export function causesOf(errors: readonly CodeError[]): Cause[] {
  return [...Map.groupBy(errors, ({ code }) => code)]
    .map(([code, same]) => ({ code, count: same.length, message: same[0]?.message ?? '' }))
    .sort((a, b) => b.count - a.count);
}
