import { describe, expect, it } from 'vitest';
import { type Build, sound } from '../helpers/live-mirror.ts';
import { type Defect, plantDefect } from '../helpers/planted-defect.ts';

/** A promise, the scenario that would show if it were broken, and ways to break it. */
export type ToothCase = {
  readonly promise: string;
  readonly scenario: (build: Build) => Promise<void>;
  readonly defects: readonly (Defect & {
    /** What the scenario says then: it has to fail for this reason and for no other. */
    readonly shows: RegExp;
  })[];
};

/** Runs each scenario twice: as it is, where it has to hold, and with each planted defect, where it has to fail. */
export function eachWithDefects(cases: readonly ToothCase[]): void {
  describe.each(cases)('$promise', ({ scenario, defects }) => {
    it('holds', () => scenario(sound), limitMs);

    it.each(defects)(
      'shows it when $name',
      async ({ shows, ...defect }) => {
        const planted = await plantDefect(defect);
        try {
          await expect(scenario({ buildApp: planted.buildApp, patienceMs: 5_000 })).rejects.toThrow(shows);
        } finally {
          await planted.remove();
        }
      },
      limitMs,
    );
  });
}

// Two starts of everything, on a machine that is busy.
const limitMs = 60_000;
