import { describe, expect, it } from 'vitest';
import { openMirror, sound } from '../helpers/live-mirror.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

describe('a burst of new accounts', () => {
  it('a burst gets all codes confirmed with at most 2.2 API calls per 200 accounts and never two codes for one', async () => {
    await using mirror = await openMirror({ build: { ...sound, patienceMs: 60_000 } });
    const writeBacks = writeBacksOf(mirror);
    await mirror.worked();
    const { confirmed: others = 0 } = (await writeBacks.status()).writeBack.counts;
    const before = mirror.simulator.allowance.used;
    const ids = new Set<string>();
    // As people do: many small transactions, one after the other.
    for (let made = 0; made < 1_000; made += 20) {
      mirror.inOneTransaction((tx) => {
        for (let n = 0; n < 20; n++) {
          const result = tx.insert({ Name: `Burst ${made + n}` });
          if (result.success) ids.add(result.id);
        }
      });
      await new Promise((resolve) => setImmediate(resolve));
    }
    await writeBacks.statusWhen(
      'all are confirmed',
      ({ counts }) =>
        counts['pending'] === 0 && counts['written'] === 0 && (counts['confirmed'] ?? 0) >= ids.size + others,
    );
    const codes = mirror.simulator.audit.codes();
    expect([...ids].filter((id) => codes.get(id)?.length !== 1)).toEqual([]);
    expect((mirror.simulator.allowance.used - before) / (ids.size / 200)).toBeLessThanOrEqual(2.2);
  });
});
