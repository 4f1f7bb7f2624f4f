/** The number of random cases: `FC_RUNS`, or that of the test. */
export function randomCases(own: number): number {
  return Number(process.env['FC_RUNS'] ?? own);
}

/** The random cases per property. A failure prints its seed. */
export const runs = { numRuns: randomCases(500) };

/** The seeds of a long random scenario: `FC_SEEDS`, such as `7,8`, or those of the test. */
export function scenarioSeeds(...own: readonly number[]): readonly number[] {
  return process.env['FC_SEEDS']?.split(',').map(Number) ?? own;
}

/** The number of steps of a long random scenario: `FC_STEPS`, or that of the test. */
export function scenarioSteps(own: number): number {
  return Number(process.env['FC_STEPS'] ?? own);
}
