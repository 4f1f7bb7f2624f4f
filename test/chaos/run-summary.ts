import type { CrashRun } from './crash-run.ts';

/** What a run was and what it found, for a person. */
export function summaryOf(run: CrashRun): string {
  const { faults, reached, silences, differences, violations } = run;
  const restarts = (faults.get('restartFast') ?? 0) + (faults.get('restartImmediate') ?? 0);
  const others = [...faults]
    .filter(([name]) => !['kill', 'restartFast', 'restartImmediate'].includes(name))
    .map(([name, count]) => `${name} ${count}`);
  return [
    `seed               ${run.seed}`,
    `kills              ${faults.get('kill') ?? 0} (process started ${run.starts} times)`,
    `database restarts  ${restarts} (fast ${faults.get('restartFast') ?? 0}, immediate ${faults.get('restartImmediate') ?? 0})`,
    `other faults       ${others.join(', ')}`,
    `transactions       ${run.transactions}`,
    `events             ${run.events}`,
    `accounts           ${run.accounts}, ${run.codes} with a code`,
    `looks at the API   ${run.looks}`,
    `quiet after        ${(run.quietAfterMs / 1000).toFixed(1)} s`,
    ...[...silences].map(
      ([name, ms]) => `went silent         ${name}: over it after ${(ms / 1000).toFixed(1)} s`,
    ),
    ...[...reached].map(([state, count]) => `reached            ${state}: ${count}`),
    `differences        ${differences.length}`,
    ...listed(differences),
    `violations         ${violations.length}`,
    ...listed(violations),
  ].join('\n');
}

const most = 50;

function listed(lines: readonly string[]): string[] {
  const rest = lines.length - most;
  return [...lines.slice(0, most).map((line) => `  ${line}`), ...(rest > 0 ? [`  and ${rest} more`] : [])];
}
