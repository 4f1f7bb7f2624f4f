/** The number of random cases per property: `FC_RUNS`, 500 by default. A failure prints its seed. */
export const runs = { numRuns: Number(process.env['FC_RUNS'] ?? 500) };
