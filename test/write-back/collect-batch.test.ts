import { describe, expect, it } from 'vitest';
import { collectBatch, type DueCount } from '../../src/write-back/collect-batch.ts';

/** The results of successive counts; the last one repeats. */
const counts = (...found: readonly (number | DueCount)[]) => {
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    countDue: async (): Promise<DueCount> => {
      const now = found[Math.min(taken++, found.length - 1)] ?? 0;
      return typeof now === 'number' ? { count: now, more: false } : now;
    },
  };
};
const options = { maxBatchSize: 200, pauseMs: 0, signal: new AbortController().signal };

describe('collection of a batch', () => {
  it.each<[string, readonly (number | DueCount)[], number, number]>([
    ['waits for nothing where there is nothing', [0], 0, 1],
    ['sends a full batch at once', [200], 200, 1],
    ['waits one pause for company', [1, 1], 1, 2],
    ['waits on while more come, until it is full', [10, 90, 170, 200], 200, 4],
    ['waits on until nothing more comes', [10, 90, 90, 200], 90, 3],
    [
      'waits on while events wait to be applied',
      [{ count: 5, more: true }, { count: 5, more: true }, 120, 120],
      120,
      4,
    ],
    ['does not wait without a limit', Array.from({ length: 50 }, (_, n) => n + 1), 11, 11],
  ])('the collection of a batch %s', async (_, found, count, times) => {
    const seen = counts(...found);
    expect((await collectBatch(seen.countDue, options)).count).toBe(count);
    expect(seen.taken).toBe(times);
  });

  it('collecting ends with the process', async () => {
    const stopped = { ...options, pauseMs: 60_000, signal: AbortSignal.abort() };
    await expect(collectBatch(counts(1, 2).countDue, stopped)).rejects.toThrow();
  });
});
