import { expect, it } from 'vitest';
import { crashRun } from './crash-run.ts';
import { summaryOf } from './run-summary.ts';

// The long form, `npm run test:crash`, takes minutes and breaks more.
it.for([3])(
  'random changes and random faults end in an equal mirror (seed %i)',
  { timeout: 180_000 },
  async (seed) => {
    const run = await crashRun({
      seed,
      durationMs: 8_000,
      minKills: 0,
      accounts: 300,
      quietLimitMs: 90_000,
      withSilence: false,
    });
    expect([...run.differences, ...run.violations], summaryOf(run)).toEqual([]);
    expect(run.starts).toBeGreaterThan(1);
    expect(run.looks).toBeGreaterThan(10);
    expect(run.transactions).toBeGreaterThan(30);
  },
);
