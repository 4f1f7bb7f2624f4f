import type { Logger } from 'pino';
import type { CodeError } from '../codes/signup-code.ts';
import type { Verdict } from './judge-result.ts';
import type { BatchReport } from './write-batch.ts';

/** Why codes were refused, and how many. */
export type Cause = { readonly code: string; readonly count: number; readonly message: string };

export type BatchReporter = {
  /** Writes to the log what became of a batch. */
  report(batch: BatchReport): void;
  /** Writes what was held back. */
  flush(): void;
};

// Codes that are sent one by one are reported together.
const reportIntervalMs = 10_000;

/** Counts what is written, refused for good and refused for now, and says so at once or with what follows soon. */
export function createBatchReporter(logger: Logger, now: () => number = Date.now): BatchReporter {
  let written = 0;
  let failed: CodeError[] = [];
  let again: CodeError[] = [];
  let reportedAt = Number.NEGATIVE_INFINITY;

  const flush = (): void => {
    if (written > 0) logger.info({ codes: written }, 'signup codes written to Salesforce');
    if (failed.length > 0) {
      const action = 'Correct the cause in Salesforce, then POST /v1/write-backs/retry with the error code.';
      const fields = { codes: failed.length, causes: causesOf(failed), action };
      logger.warn(fields, 'signup codes refused by Salesforce');
    }
    if (again.length > 0) {
      const fields = { codes: again.length, causes: causesOf(again) };
      logger.warn(fields, 'signup codes refused by Salesforce; retrying');
    }
    written = 0;
    failed = [];
    again = [];
    reportedAt = now();
  };

  return {
    report({ verdicts, call }) {
      written += verdicts.filter(({ outcome }) => outcome === 'written').length;
      failed.push(...errorsOf(verdicts, 'failed'));
      // An org that takes no writes is reported when that begins and when it is over.
      const isKnown = call?.refusedBy === 'org' || call?.refusedBy === 'access';
      if (!isKnown) again.push(...errorsOf(verdicts, 'pending'));
      if (verdicts.length > 1 || now() - reportedAt >= reportIntervalMs) flush();
    },
    flush,
  };
}

function errorsOf(verdicts: readonly Verdict[], state: Verdict['state']): CodeError[] {
  return verdicts.flatMap((verdict) =>
    verdict.state === state && verdict.error !== null ? [verdict.error] : [],
  );
}

/** The most frequent first, each with the words of its first error. */
export function causesOf(errors: readonly CodeError[]): Cause[] {
  return [...Map.groupBy(errors, ({ code }) => code)]
    .map(([code, same]) => ({ code, count: same.length, message: same[0]?.message ?? '' }))
    .sort((a, b) => b.count - a.count);
}
