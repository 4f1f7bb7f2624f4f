import type { Cause, FaultArea, ProcessFault } from './facts.ts';

/** The faults that this process sees now. They are kept in memory, because a full disk stores no fault either. */
export type ProcessFaults = {
  /** The fault goes on, or begins now; its start stays. */
  set(area: FaultArea, cause: Cause, since?: Date): void;
  clear(area: FaultArea): void;
  list(): readonly ProcessFault[];
};

export function createProcessFaults(): ProcessFaults {
  const faults = new Map<FaultArea, ProcessFault>();
  return {
    set(area, { code, message, action, needsPerson = false }, since) {
      const start = since ?? faults.get(area)?.since ?? new Date();
      faults.set(area, { area, code, message, action, needsPerson, since: start });
    },
    clear: (area) => void faults.delete(area),
    list: () => [...faults.values()],
  };
}
