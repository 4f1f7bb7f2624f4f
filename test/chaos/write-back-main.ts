// The long form: `npm run test:write-back -- --minutes 10 --seed 7`.
import { parseArgs } from 'node:util';
import { writeBackRun } from './write-back-run.ts';
import { writeBackSummary } from './write-back-summary.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1_000_000)) },
    verbose: { type: 'boolean', default: false },
  },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const command = `npm run test:write-back -- --minutes ${values.minutes} --seed ${values.seed}`;
say(command);
try {
  const run = await writeBackRun({
    seed: Number(values.seed),
    durationMs: Number(values.minutes) * 60_000,
    quietLimitMs: 10 * 60_000,
    withWindows: Number(values.minutes) >= 5,
    onProgress: (line) => values.verbose && say(line),
  });
  say(writeBackSummary(run));
  const wrong = run.differences.length + run.violations.length > 0;
  if (wrong) say(`To repeat it: ${command}`);
  process.exitCode = wrong ? 1 : 0;
} catch (error) {
  say(`The run failed: ${error instanceof Error ? error.message : String(error)}\nTo repeat it: ${command}`);
  process.exitCode = 1;
}
process.exit();
