// The long form: `npm run test:instances -- --minutes 10 --seed 7`.
import { parseArgs } from 'node:util';
import { instancesRun } from './instances-run.ts';
import { instancesSummary } from './instances-summary.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    accounts: { type: 'string', default: '1000' },
    verbose: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const command = `npm run test:instances -- --minutes ${values.minutes} --seed ${values.seed} --accounts ${values.accounts}`;
const begin = Date.now();
say(command);
try {
  const run = await instancesRun({
    seed: Number(values.seed),
    durationMs: Number(values.minutes) * 60_000,
    minStrikes: 0,
    accounts: Number(values.accounts),
    quietLimitMs: 240_000,
    withLongPauses: Number(values.minutes) >= 3,
    onProgress: (line) =>
      values.verbose && say(`${((Date.now() - begin) / 1000).toFixed(1).padStart(6)} s  ${line}`),
  });
  say(instancesSummary(run));
  // Only a run of some minutes is expected to have a fenced write.
  const missed = Number(values.minutes) >= 5 && run.fenced === 0;
  if (missed) say('Never reached: a write that was fenced');
  const wrong = missed || run.differences.length + run.violations.length > 0;
  if (wrong) say(`To repeat it: ${command}`);
  process.exitCode = wrong ? 1 : 0;
} catch (error) {
  say(`The run failed: ${error instanceof Error ? error.message : String(error)}\nTo repeat it: ${command}`);
  process.exitCode = 1;
}
process.exit();
