/**
 * Distinguishes a failure of one record from a failure of all records: it concerns the record alone if others succeeded
 * since its previous failure.
 */
export type Contrast = {
  /** Counts a success of another record. */
  succeeded(): void;
  /** Counts a failure. @returns whether others succeeded since the previous failure of this record */
  failed(id: string): boolean;
};

export function createContrast(): Contrast {
  let successes = 0;
  const suspects = new Map<string, number>();
  return {
    succeeded() {
      successes++;
    },
    failed(id) {
      const before = suspects.get(id);
      suspects.set(id, successes);
      return before !== undefined && successes > before;
    },
  };
}
