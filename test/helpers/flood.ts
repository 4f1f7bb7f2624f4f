import { Worker } from 'node:worker_threads';
import type { FloodCounts, FloodPlan } from './flood-worker.ts';

/** Requests at a steady rate, over a few connections, each sent without waiting for the answer to the one before. */
export function startFlood(plan: FloodPlan) {
  const worker = new Worker(new URL('./flood-worker.ts', import.meta.url), { workerData: plan });
  let counts: FloodCounts = {};
  worker.on('message', (now: FloodCounts) => {
    counts = now;
  });
  return {
    counts: () => counts,
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await worker.terminate();
    },
  };
}
