import { describe, expect, it } from 'vitest';
import { killAtWrite, tracingProblem } from './kill-points.ts';
import { useQuietWorld } from './quiet-world.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

const problem = await tracingProblem();
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

// Every one of them takes a start of the service: `TEST_KILL_POINTS=all` takes them all, from first to last.
const everyNth = process.env['TEST_KILL_POINTS'] === 'all' ? 1 : 12;

describe.skipIf(problem !== undefined)(`kill -9 at the n-th write of a batch${reason}`, () => {
  const quiet = useQuietWorld({ serviceSettings: { LOG_LEVEL: 'warn' } });

  it('loses and doubles nothing, for n from first to last', { timeout: 1_800_000 }, async () => {
    const { world, changes } = quiet;
    const isDone = () => waitUntilQuiet(world, 0).then(() => true);
    let points = 0;
    for (let n = 1; await killAtWrite(world, n, batch, isDone); n += everyNth) points++;
    process.stdout.write(`killed at ${points} points\n`);
    expect(points).toBeGreaterThan(2);
    const { codes } = await quiet.expectHealed();
    expect(codes).toBe(changes.created.size);
  });

  /** A transaction with two new accounts and one of each other kind of change. */
  const batch = (): void => {
    const { changes } = quiet;
    changes.create(2);
    changes.edit();
  };
});
