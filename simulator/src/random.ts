/** A generator (mulberry32) of reproducible numbers. */
export function createRandom(seed: number) {
  let state = seed >>> 0;

  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  return {
    chance: (probability: number): boolean => next() < probability,
    /** From 0 to `below`, exclusive. */
    integer: (below: number): number => Math.floor(next() * below),
    pick<T>(choices: readonly T[]): T {
      const choice = choices[Math.floor(next() * choices.length)];
      if (choice === undefined) throw new RangeError('there is no choice to pick from');
      return choice;
    },
  };
}

export type Random = ReturnType<typeof createRandom>;
