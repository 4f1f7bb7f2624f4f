import { expect, it } from 'vitest';
import { instancesRun } from './instances-run.ts';
import { instancesSummary } from './instances-summary.ts';

// The long form, `npm run test:instances`, takes minutes and pauses for longer.
it.for([4])(
  'three processes that are killed, restarted and paused end in an equal mirror and no write in a foreign epoch (seed %i)',
  { timeout: 180_000 },
  async (seed) => {
    const run = await instancesRun({
      seed,
      durationMs: 8_500,
      minStrikes: 3,
      accounts: 100,
      quietLimitMs: 90_000,
      withLongPauses: false,
    });
    expect([...run.differences, ...run.violations], instancesSummary(run)).toEqual([]);
    expect(run.strikes.length).toBeGreaterThan(2);
    expect(run.audit.writes).toBeGreaterThan(5);
    expect(run.transactions).toBeGreaterThan(30);
  },
);
