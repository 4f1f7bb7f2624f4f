import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareVersions,
  eventVersion,
  formatVersion,
  laterVersion,
  parseVersion,
  readVersion,
  type Version,
  zeroVersion,
} from '../../src/apply/version.ts';
import { runs } from '../helpers/property.ts';

const version: fc.Arbitrary<Version> = fc.tuple(
  fc.nat(4_000_000_000_000),
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.nat(100_000),
  fc.nat(4_000_000_000_000),
);
// Few different parts, so that equal ones meet.
const closeVersion: fc.Arbitrary<Version> = fc.tuple(fc.nat(2), fc.bigInt(0n, 2n), fc.nat(2), fc.nat(2));

describe('versions', () => {
  it('versions of any parts can be written as text and read back', () => {
    fc.assert(
      fc.property(version, (any) => {
        expect(parseVersion(formatVersion(any))).toEqual(any);
      }),
      runs,
    );
  });

  it('commit numbers beyond 2^53 that differ by one are different', () => {
    const a = parseVersion('1790000000000.9007199254740993.1.0');
    const b = parseVersion('1790000000000.9007199254740992.1.0');
    expect(compareVersions(a, b)).toBeGreaterThan(0);
  });

  it('versions are totally ordered', () => {
    fc.assert(
      fc.property(closeVersion, closeVersion, closeVersion, (a, b, c) => {
        expect(Math.sign(compareVersions(a, b))).toBe(-Math.sign(compareVersions(b, a)) + 0);
        expect(compareVersions(a, b) === 0).toBe(formatVersion(a) === formatVersion(b));
        if (compareVersions(a, b) <= 0 && compareVersions(b, c) <= 0)
          expect(compareVersions(a, c)).toBeLessThanOrEqual(0);
        expect([a, b]).toContain(laterVersion(a, b));
        expect(compareVersions(a, zeroVersion)).toBeGreaterThanOrEqual(0);
      }),
      runs,
    );
  });

  it('versions compare the time first, then the commit, then the place in the transaction', () => {
    const ordered: Version[] = [
      [1, 9n, 9, 0],
      [2, 1n, 9, 0],
      [2, 2n, 1, 0],
      [2, 2n, 2, 0],
      [2, 2n, 2, 5],
    ];
    expect(ordered.toReversed().toSorted(compareVersions)).toEqual(ordered);
  });

  it("the version of a read is after the watermark and the record's modification and before later events", () => {
    fc.assert(
      fc.property(
        closeVersion,
        fc.nat(2),
        fc.integer({ min: 1, max: 5 }),
        (watermark, systemModstamp, readAt) => {
          const applied: Version = [watermark[0], watermark[1], watermark[2], 0];
          const read = readVersion(systemModstamp, applied, readAt);
          expect(compareVersions(read, applied)).toBeGreaterThan(0);
          expect(compareVersions(read, [systemModstamp, 0n, 0, 0])).toBeGreaterThan(0);
          const next = {
            commitTimestamp: applied[0],
            commitNumber: applied[1],
            sequenceNumber: applied[2] + 1,
          };
          if (systemModstamp <= applied[0])
            expect(compareVersions(eventVersion(next), read)).toBeGreaterThan(0);
        },
      ),
      runs,
    );
  });

  it.each(['', '1.2.3', '1.2.3.4.5', '-1.2.3.4', '1.2.3.x'])('the text "%s" is not a version', (text) => {
    expect(() => parseVersion(text)).toThrow(`"${text}" is not a version`);
  });
});
