import { describe, it } from 'vitest';
import { expectMirrorToFollow } from '../e2e/random-schema-drift.ts';
import { scenarioSeeds } from '../helpers/property.ts';

describe('random changes of the schema of a wide org', () => {
  it.each(scenarioSeeds(2))(
    'after random changes near the limit of columns with the seed %i, the mirror equals one that is loaded from scratch',
    (seed) => expectMirrorToFollow(seed, 235),
  );
});
