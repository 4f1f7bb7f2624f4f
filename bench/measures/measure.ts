import type { World } from '../world.ts';

/** How much is done: `quick` shows that everything runs and how it roughly is. */
export type Extent = {
  readonly quick: boolean;
  /** Rounds of measures that repeat; undefined for their usual number. */
  readonly rounds: number | undefined;
};

export type Measure = {
  readonly name: string;
  run(world: World, extent: Extent): Promise<readonly Result[]>;
};

/** One line of the table. */
export type Result = {
  readonly what: string;
  /** What was measured, and what it is set against, with units. */
  readonly value: string;
  readonly against: string;
  /** What counts: a ratio, milliseconds or MB, as the goal says. */
  readonly figure: number;
  readonly unit: '×' | 'ms' | 'MB' | 'bytes';
  readonly goal: { readonly atLeast: number } | { readonly atMost: number };
  /** Each round's figure. */
  readonly rounds?: readonly number[];
  /** Cores kept busy by each process: 1 is one core all the time. */
  readonly cpu?: Readonly<Record<string, number>>;
  readonly note?: string;
};

export function isMet({ figure, goal }: Result): boolean {
  return 'atLeast' in goal ? figure >= goal.atLeast : figure <= goal.atMost;
}
