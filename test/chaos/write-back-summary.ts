import type { WriteBackRun } from './write-back-run.ts';

/** What a run was and what it found, for a person. */
export function writeBackSummary(run: WriteBackRun): string {
  const attempts = [...run.attempts].sort(([a], [b]) => a - b);
  const sent = attempts.reduce((sum, [times, accounts]) => sum + times * accounts, 0);
  const failed = [...run.failed].sort(([, a], [, b]) => b - a);
  return [
    `seed               ${run.seed}`,
    `kills              ${run.kills} (process started ${run.starts} times)`,
    `accounts           ${run.accounts}`,
    `confirmed          ${run.confirmed}`,
    `failed             ${failed.reduce((sum, [, count]) => sum + count, 0)}`,
    ...failed.map(([code, count]) => `  ${String(count).padStart(5)} ${code}`),
    `sent               ${sent} times, ${(sent / run.accounts).toFixed(2)} an account`,
    ...attempts.map(([times, accounts]) => `  ${String(accounts).padStart(5)} accounts ${times} times`),
    `unanswered         ${run.unanswered}`,
    `API requests       ${run.apiRequests}, ${(run.apiRequests / (run.accounts / 200)).toFixed(1)} for 200 accounts`,
    `decided after      ${(run.quietAfterMs / 1000).toFixed(1)} s`,
    `differences        ${run.differences.length}`,
    ...run.differences.slice(0, 30).map((line) => `  ${line}`),
    `violations         ${run.violations.length}`,
    ...run.violations.slice(0, 30).map((line) => `  ${line}`),
  ].join('\n');
}
