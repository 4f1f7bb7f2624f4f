import { describe, expect, it } from 'vitest';
import { addSample, formatLsn, type LagSample, parseLsn, unknownState } from '../../src/db/replica.ts';

const stateAfter = (...samples: readonly LagSample[]) => samples.reduce(addSample, unknownState);

describe('the replication lag', () => {
  it('the lag is counted from the newest moment whose log the replica has replayed', () => {
    const samples = [
      { at: 1, written: 10n, replayed: 10n },
      { at: 2, written: 20n, replayed: 10n },
      { at: 3, written: 30n, replayed: 15n },
    ];
    expect(stateAfter(...samples).caughtUpAt).toBe(1);
    expect(stateAfter(...samples, { at: 4, written: 40n, replayed: 35n }).caughtUpAt).toBe(3);
    expect(stateAfter(...samples, { at: 4, written: 40n, replayed: 40n }).caughtUpAt).toBe(4);
  });

  it('the lag does not grow while nothing is written and grows while the primary does not answer', () => {
    const quiet = { written: 10n, replayed: 10n };
    expect(stateAfter({ at: 1, ...quiet }, { at: 2, ...quiet }).caughtUpAt).toBe(2);
    expect(stateAfter({ at: 1, ...quiet }, { at: 2, written: undefined, replayed: 10n }).caughtUpAt).toBe(1);
  });

  it('the lag is unknown before the replica reaches a position that the primary reported', () => {
    expect(stateAfter({ at: 1, written: 20n, replayed: 10n }).caughtUpAt).toBeUndefined();
  });

  it('the lag is measured in bounded memory however large it is', () => {
    const samples = Array.from({ length: 1_000 }, (_, n) => ({
      at: n,
      written: BigInt(n) + 10n,
      replayed: 0n,
    }));
    expect(stateAfter(...samples).pending.length).toBeLessThanOrEqual(100);
    expect(stateAfter(...samples, { at: 1_000, written: 2_000n, replayed: 2_000n }).caughtUpAt).toBe(1_000);
  });
});

describe('log positions', () => {
  it('a log position is formatted as PostgreSQL formats it', () => {
    expect(formatLsn(0x16_b374_d848n)).toBe('16/B374D848');
    expect(parseLsn('16/B374D848')).toBe(0x16_b374_d848n);
    expect(parseLsn('16/0000001')).toBe(0x16_0000_0001n);
    expect(['', '16', '/1', 'x/1', '1/123456789'].map(parseLsn)).toEqual(Array(5).fill(undefined));
  });
});
