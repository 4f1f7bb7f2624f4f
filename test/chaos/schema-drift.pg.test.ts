import { describe, it } from 'vitest';
import { scenarioSeeds } from '../helpers/property.ts';
import { expectMirrorToFollow } from './random-schema-drift.ts';

describe('random changes of the schema', () => {
  it.each(scenarioSeeds(1))(
    'after random changes of fields and accounts with the seed %i, the mirror equals one that is loaded from scratch',
    (seed) => expectMirrorToFollow(seed, 0),
  );

  it.each(scenarioSeeds(2))(
    'after random changes near the limit of columns with the seed %i, the mirror equals one that is loaded from scratch',
    (seed) => expectMirrorToFollow(seed, 235),
  );
});
