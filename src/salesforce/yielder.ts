import { setImmediate as nextTurn } from 'node:timers/promises';

// Longest time without a yield, on a machine that is half as fast.
const sliceMs = 8;

/** Creates a function that yields to the event loop if the current time slice is used up. */
export function createYielder(): () => Promise<void> | undefined {
  let until = performance.now() + sliceMs;
  return () => {
    if (performance.now() < until) return undefined;
    return nextTurn().then(() => {
      until = performance.now() + sliceMs;
    });
  };
}
