import type { Cause, FaultArea, ProcessFault } from './facts.ts';

/** The current faults of this process, in memory because a full disk stores no faults. */
export type ProcessFaults = {
  /** Sets a fault; the start of a known one is kept. */
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
