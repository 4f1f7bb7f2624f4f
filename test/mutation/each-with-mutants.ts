import { afterAll, describe, expect, it } from 'vitest';
import { type LiveMirror, type MirrorOptions, openMirror, sound } from '../helpers/live-mirror.ts';
import { loadMutant, type Replacements } from '../helpers/mutant.ts';

/** A behavior, a scenario that shows it, and mutants of the service that lack it. */
export type MutationCase = {
  /** A sentence. */
  readonly behavior: string;
  /** Leaves accounts alone that it has not taken: other scenarios run against the same mirror. */
  readonly scenario: (mirror: LiveMirror) => Promise<void>;
  /** Cases with the same object share one mirror for the service as it is. */
  readonly options?: MirrorOptions;
  readonly mutants: readonly Mutant[];
};

export type Mutant = {
  /** A sentence: what the mutant does. */
  readonly name: string;
  readonly replace: Replacements;
  /** Why the scenario fails: it has to be this reason and no other. */
  readonly reason: RegExp;
  /** If the reason is that something never happens: how long to wait for it. */
  readonly patienceMs?: number;
};

const defaultOptions: MirrorOptions = { simulator: { accounts: 12 } };

/** Runs each scenario against the service, where it has to pass, and against each mutant, where it has to fail. */
export function eachWithMutants(cases: readonly MutationCase[]): void {
  const mirrors = new Map<MirrorOptions, Promise<LiveMirror>>();
  const sharedMirror = (options: MirrorOptions): Promise<LiveMirror> => {
    const mirror = mirrors.get(options) ?? openMirror(options);
    mirrors.set(options, mirror);
    return mirror;
  };
  afterAll(async () => {
    for (const mirror of mirrors.values()) await (await mirror)[Symbol.asyncDispose]();
  });

  describe('the service', () => {
    it.each(cases)('$behavior', async ({ scenario, options = defaultOptions }) =>
      scenario(await sharedMirror(options)),
    );
  });

  describe('mutants', () => {
    const mutants = cases.flatMap((shown) => shown.mutants.map((mutant) => ({ ...shown, ...mutant })));
    it.each(mutants)(
      'the scenario fails if $name',
      async ({ scenario, options = defaultOptions, replace, reason, patienceMs = sound.patienceMs }) => {
        const build = { buildApp: await loadMutant(replace), patienceMs };
        await using mirror = await openMirror({ ...options, build });
        await expect(scenario(mirror)).rejects.toThrow(reason);
      },
    );
  });
}
