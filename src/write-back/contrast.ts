/**
 * Tells a failure of one record from one of all: it is the record's own if others succeeded since it last failed.
 */
export type Contrast = {
  /** Others succeeded. */
  succeeded(): void;
  /** A record failed. @returns whether others succeeded since it failed before */
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
