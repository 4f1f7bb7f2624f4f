import { describe, expect, it } from 'vitest';
import { advance, formatLsn, type Look, parseLsn, unknownState } from '../../src/db/replica.ts';

const stateAfter = (...looks: readonly Look[]) => looks.reduce(advance, unknownState);

describe('the replication lag', () => {
  it('the lag is counted from the newest moment whose log the replica has replayed', () => {
    const looks = [
      { at: 1, written: 10n, replayed: 10n },
      { at: 2, written: 20n, replayed: 10n },
      { at: 3, written: 30n, replayed: 15n },
    ];
    expect(stateAfter(...looks).equalAt).toBe(1);
    expect(stateAfter(...looks, { at: 4, written: 40n, replayed: 35n }).equalAt).toBe(3);
    expect(stateAfter(...looks, { at: 4, written: 40n, replayed: 40n }).equalAt).toBe(4);
  });

  it('the lag does not grow while nothing is written and grows while the primary does not answer', () => {
    const quiet = { written: 10n, replayed: 10n };
    expect(stateAfter({ at: 1, ...quiet }, { at: 2, ...quiet }).equalAt).toBe(2);
    expect(stateAfter({ at: 1, ...quiet }, { at: 2, written: undefined, replayed: 10n }).equalAt).toBe(1);
  });

  it('the lag is unknown before the replica reaches a position that the primary reported', () => {
    expect(stateAfter({ at: 1, written: 20n, replayed: 10n }).equalAt).toBeUndefined();
  });

  it('the lag is measured in bounded memory however large it is', () => {
    const looks = Array.from({ length: 1_000 }, (_, n) => ({
      at: n,
      written: BigInt(n) + 10n,
      replayed: 0n,
    }));
    expect(stateAfter(...looks).ahead.length).toBeLessThanOrEqual(100);
    expect(stateAfter(...looks, { at: 1_000, written: 2_000n, replayed: 2_000n }).equalAt).toBe(1_000);
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
