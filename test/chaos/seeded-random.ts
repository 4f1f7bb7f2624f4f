/** Random choices that follow from a seed: the same seed makes the same ones. */
export type SeededRandom = {
  /** From 0 to 1. */
  next(): number;
  /** From 0 to `below` - 1. */
  integer(below: number): number;
  between(least: number, most: number): number;
  pick<T>(choices: readonly T[]): T;
  chance(probability: number): boolean;
  shuffle<T>(items: readonly T[]): T[];
};

/** A linear congruential generator of 48 bits; `stream` tells apart the uses that share a seed. */
export function seededRandom(seed: number, stream: string): SeededRandom {
  const modulus = 1n << 48n;
  let state = BigInt(seed);
  for (const character of stream) state = (state * 31n + BigInt(character.charCodeAt(0))) % modulus;
  const next = (): number => {
    state = (state * 0x5deece66dn + 11n) % modulus;
    return Number(state >> 16n) / 2 ** 32;
  };
  next();
  const integer = (below: number): number => Math.floor(next() * below);
  const pick = <T>(choices: readonly T[]): T => {
    const [choice] = choices.slice(integer(choices.length));
    if (choices.length === 0) throw new RangeError('there is nothing to pick from');
    return choice as T;
  };
  return {
    next,
    integer,
    pick,
    between: (least, most) => least + integer(most - least + 1),
    chance: (probability) => next() < probability,
    shuffle(items) {
      const rest = [...items];
      return items.flatMap(() => rest.splice(integer(rest.length), 1));
    },
  };
}
