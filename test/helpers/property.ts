/** How many random cases a property tries: `FC_RUNS`, 500 unless told. A failure prints its seed. */
export const runs = { numRuns: Number(process.env['FC_RUNS'] ?? 500) };
