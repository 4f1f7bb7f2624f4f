import type { InstanceFault, Strike } from './instance-faults.ts';
import type { InstancesRun } from './instances-run.ts';

/** What a run was and what it found, for a person. */
export function instancesSummary(run: InstancesRun): string {
  const { strikes, audit, differences, violations } = run;
  const count = (fault: InstanceFault): string => {
    const all = strikes.filter((strike) => strike.fault === fault);
    return `${all.length}, ${all.filter(({ held }) => held).length} of them the holder`;
  };
  return [
    `seed               ${run.seed}`,
    `killed             ${count('killed')}`,
    `restarted          ${count('restarted')}`,
    `paused             ${count('paused')}`,
    `processes started  ${run.starts}`,
    `transactions       ${run.transactions}`,
    `events             ${run.events}`,
    `accounts           ${run.accounts}, ${run.codes} with a code`,
    `resyncs ordered    ${run.resyncs}`,
    `looks at the API   ${run.looks}`,
    `epochs             ${audit.epochs}`,
    `audited writes     ${audit.writes}`,
    `fenced             ${run.fenced} times a process found another in its place when it was about to write`,
    `taken over after   ${(['killed', 'restarted', 'paused'] as const).map((fault) => `${fault}: ${takeOvers(run, fault)}`).join('; ')}`,
    `quiet after        ${(run.quietAfterMs / 1000).toFixed(1)} s`,
    `differences        ${differences.length}`,
    ...differences.slice(0, 30).map((line) => `  ${line}`),
    `violations         ${violations.length}`,
    ...violations.slice(0, 30).map((line) => `  ${line}`),
  ].join('\n');
}

/** How long the lease was free after its holder was struck, if another process could take it all the time. */
function takeOvers({ strikes, audit }: InstancesRun, fault: InstanceFault): string {
  const after = strikes
    .filter((strike) => strike.held && strike.fault === fault)
    .flatMap((strike) => {
      const ms = audit.nextEpochAfter(strike.at);
      if (ms === undefined || (fault === 'paused' && ms > strike.pausedMs)) return [];
      return hadSuccessor(strikes, strike, ms) ? [ms] : [];
    })
    .sort((a, b) => a - b);
  if (after.length === 0) return 'never';
  const seconds = (ms: number | undefined): string => `${((ms ?? 0) / 1000).toFixed(1)} s`;
  return `median ${seconds(after[Math.floor(after.length / 2)])}, at most ${seconds(after.at(-1))}`;
}

// A process needs some seconds after its start until it waits for the lease.
const startMs = 6_000;

/** Whether another process was left alone from before a strike until the lease was taken. */
function hadSuccessor(strikes: readonly Strike[], struck: Strike, takenAfterMs: number): boolean {
  const [from, to] = [struck.at - startMs, struck.at + takenAfterMs];
  const busy = strikes.filter(
    ({ at, pausedMs, fault }) => at < to && at + (fault === 'paused' ? pausedMs : 0) > from,
  );
  return new Set(busy.map(({ instance }) => instance)).size < 3;
}
