import { describe, expect, it } from 'vitest';
import { useDatabase } from '../helpers/use-database.ts';
import { attackRun } from './attack-run.ts';

describe('a service with 512 MiB of memory', () => {
  const database = useDatabase();

  it('a hundred connections with unfinished bodies stop neither the process nor the stream', async () => {
    const report = await attackRun({ attack: 'unfinished bodies', seconds: 8, databaseUrl: database.url });
    expect(report).toMatchObject({ ended: undefined, unready: 0, different: 0 });
    expect(report.peakMiB).toBeLessThanOrEqual(512);
    expect(report.accountsListed).toBe(report.accountsInOrg);
  }, 300_000);
});
