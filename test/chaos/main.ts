// The long form of the crash test: `npm run test:crash -- --minutes 10 --seed 7`.
import { parseArgs } from 'node:util';
import { crashRun } from './crash-run.ts';
import { summaryOf } from './run-summary.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    accounts: { type: 'string', default: '2000' },
    verbose: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const command = `npm run test:crash -- --minutes ${values.minutes} --seed ${values.seed} --accounts ${values.accounts}`;
// Only a run of some minutes is expected to reach every state.
const long = Number(values.minutes) >= 5;
const minKills = long ? 6 * Number(values.minutes) : 0;
const begin = Date.now();
const stopping = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
say(command);
try {
  const run = await crashRun({
    seed: Number(values.seed),
    durationMs: Number(values.minutes) * 60_000,
    minKills,
    accounts: Number(values.accounts),
    quietLimitMs: 240_000,
    withSilence: long,
    interrupted: stopping.signal,
    onProgress: (line) =>
      values.verbose && say(`${((Date.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${line}`),
  });
  say(summaryOf(run));
  const missed = long ? [...run.reached].filter(([, count]) => count === 0) : [];
  for (const [state] of missed) say(`Never reached: ${state}`);
  if ((run.faults.get('kill') ?? 0) < minKills) missed.push([`${minKills} kills`, 0]);
  const failed = run.differences.length + run.violations.length + missed.length > 0;
  if (failed) say(`To repeat it: ${command}`);
  process.exitCode = failed ? 1 : 0;
} catch (error) {
  say(`The run failed: ${error instanceof Error ? error.message : String(error)}\nTo repeat it: ${command}`);
  process.exitCode = 1;
}
// What was interrupted may still be waiting for something.
process.exit();
