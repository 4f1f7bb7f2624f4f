import { setImmediate as nextTurn } from 'node:timers/promises';

// Others have to wait for so long at most, on a machine that is twice as slow.
const sliceMs = 8;

/** Lets others have the event loop when work has held it for long enough. Called often, between small pieces of work. */
export function givingWay(): () => Promise<void> | undefined {
  let until = performance.now() + sliceMs;
  return () => {
    if (performance.now() < until) return undefined;
    return nextTurn().then(() => {
      until = performance.now() + sliceMs;
    });
  };
}
