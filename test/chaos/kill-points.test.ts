import { describe, expect, it } from 'vitest';
import { useChaosEnv } from './chaos-env.ts';
import { countWrites, killAtWrite, tracingProblem } from './kill-points.ts';
import { waitUntilQuiet } from './wait-until-quiet.ts';

const problem = await tracingProblem();
const reason = problem === undefined ? '' : ` (skipped: ${problem})`;

// Every point costs a start of the service: only a few are taken unless TEST_KILL_POINTS is "all".
const all = process.env['TEST_KILL_POINTS'] === 'all';

describe.skipIf(problem !== undefined)(`kill -9 at the n-th write of a batch${reason}`, () => {
  const quiet = useChaosEnv({ serviceSettings: { LOG_LEVEL: 'warn' } });

  it('a kill at any write of a batch loses and repeats nothing', { timeout: 1_800_000 }, async () => {
    const { world } = quiet;
    const last = await countWrites(world.service, batch, () => waitUntilQuiet(world, 60_000));
    expect(last).toBeGreaterThan(5);
    const step = all ? 1 : Math.ceil(last / 3);
    for (let n = 1; n <= last; n += step) await killAtWrite(world.service, n, batch);
    await quiet.expectHealed();
  });

  /** An edit and two new accounts, whose codes are written meanwhile. */
  const batch = (): void => {
    quiet.changes.create(2);
    quiet.edit(1);
  };
});
