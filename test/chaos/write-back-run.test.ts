import { expect, it } from 'vitest';
import { writeBackRun } from './write-back-run.ts';
import { writeBackSummary } from './write-back-summary.ts';

// The long form, `npm run test:write-back`, takes minutes.
it.for([5])(
  'a killed service and answers of every class leave each code confirmed or failed for its reason (seed %i)',
  { timeout: 180_000 },
  async (seed) => {
    const run = await writeBackRun({ seed, durationMs: 10_000, quietLimitMs: 60_000, withWindows: false });
    expect([...run.differences, ...run.violations], writeBackSummary(run)).toEqual([]);
    expect(run.kills).toBeGreaterThan(1);
    expect(run.accounts).toBeGreaterThan(100);
    expect(run.failed.size).toBeGreaterThan(2);
  },
);
