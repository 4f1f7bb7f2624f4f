import type { Problem } from './problem.ts';
import type { Verdict } from './verdict.ts';

/** For callers with a key: our words, then those of Salesforce or PostgreSQL. */
export function problemMessage({ summary, detail }: Problem): string {
  return detail === null || detail === '' ? summary : `${summary} ${detail}`;
}

/** For anybody: our words alone. What Salesforce said is for callers with a key. */
export function publicMessage({ summary, action }: Problem): string {
  return action === '' ? summary : `${summary} ${action}`;
}

// Without these an API process has nothing to serve; the rest concerns the process that follows the topic.
const preventsReads = new Set([
  'database-unreachable',
  'database-columns-missing',
  'not-started',
  'initial-load',
]);

/**
 * Why a process cannot do its job, a sentence each; empty if it can.
 * @param mirrors whether the process has the role `sync`
 */
export function notReadyReasons({ problems }: Verdict, mirrors: boolean): string[] {
  return problems
    .filter(({ severity, code }) => severity === 'down' && (mirrors || preventsReads.has(code)))
    .map(publicMessage);
}
