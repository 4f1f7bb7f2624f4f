import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exceedsBound, proofOfDeletion, type Sighting } from '../../../src/resync/deletion/deletion-proof.ts';

const noProof: readonly Sighting[] = [
  { source: 'absence' },
  { source: 'event', changeType: 'UPDATE' },
  { source: 'event', changeType: 'GAP_UPDATE' },
  { source: 'event', changeType: 'UNDELETE' },
  { source: 'getDeleted', isListed: false },
  { source: 'request', errorCode: 'NOT_FOUND' },
  { source: 'request', errorCode: 'INSUFFICIENT_ACCESS' },
];
const proofs: readonly Sighting[] = [
  { source: 'event', changeType: 'DELETE' },
  { source: 'event', changeType: 'GAP_DELETE' },
  { source: 'row', isDeleted: true },
  { source: 'getDeleted', isListed: true },
  { source: 'request', errorCode: 'ENTITY_IS_DELETED' },
];
const life: readonly Sighting[] = [
  { source: 'row', isDeleted: false },
  { source: 'request', errorCode: null },
];
const some = (of: readonly Sighting[]) => fc.array(fc.constantFrom(...of), { maxLength: 5 });
const shuffled = (...parts: fc.Arbitrary<Sighting[]>[]) =>
  fc.tuple(...parts).chain((all) => fc.shuffledSubarray(all.flat(), { minLength: all.flat().length }));

describe('the proof that a record is deleted', () => {
  it.each([
    [{ source: 'event', changeType: 'DELETE' }, 'delete event'],
    [{ source: 'event', changeType: 'GAP_DELETE' }, 'delete event'],
    [{ source: 'row', isDeleted: true }, 'IsDeleted'],
    [{ source: 'getDeleted', isListed: true }, 'getDeleted'],
    [{ source: 'request', errorCode: 'ENTITY_IS_DELETED' }, 'ENTITY_IS_DELETED'],
  ] as const)('the deletion of a record is proven by %j', (sighting, proof) => {
    expect(proofOfDeletion([{ source: 'absence' }, sighting])).toBe(proof);
  });

  it('absences, refusals and other events never prove a deletion, however many there are', () => {
    fc.assert(fc.property(some(noProof), (sightings) => proofOfDeletion(sightings) === null));
  });

  it('a proof of deletion is found among any number of absences and refusals, in any order', () => {
    const mixed = shuffled(
      some(noProof),
      fc.constantFrom(...proofs).map((proof) => [proof]),
    );
    fc.assert(fc.property(mixed, (sightings) => proofOfDeletion(sightings) !== null));
  });

  it('no proof of deletion counts once any source returns the record as existing', () => {
    const mixed = shuffled(
      some(noProof),
      some(proofs),
      fc.constantFrom(...life).map((one) => [one]),
    );
    fc.assert(fc.property(mixed, (sightings) => proofOfDeletion(sightings) === null));
  });
});

describe('the bound of deletions without proof', () => {
  it.each([
    [10, 10, false],
    [11, 11, true],
    [11, 219, true],
    [11, 220, false],
    [50, 1_000, false],
    [51, 1_000, true],
    [0, 0, false],
  ])('the bound for %i absent records of %i is exceeded: %s', (absent, records, exceeds) => {
    expect(exceedsBound(absent, records)).toBe(exceeds);
  });

  it('an exceeded bound stays exceeded with more absent records, and a larger mirror never exceeds it', () => {
    const number = fc.nat(100_000);
    fc.assert(
      fc.property(number, number, number, (absent, records, more) => {
        if (exceedsBound(absent, records)) return exceedsBound(absent + more, records);
        return !exceedsBound(absent, records + more);
      }),
    );
  });
});
