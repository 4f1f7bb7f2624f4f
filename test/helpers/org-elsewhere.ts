import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { OrgOptions } from '../../src/salesforce/org.ts';

/** A simulator in a thread of its own, which continues while this one is blocked. */
export type OrgElsewhere = {
  readonly options: OrgOptions;
  /** Creates an account there, and does nothing here until that is done and so much time has passed. */
  createAndHoldUp(ms: number): void;
  stop(): Promise<unknown>;
};

export async function startOrgElsewhere(): Promise<OrgElsewhere> {
  const worker = new Worker(new URL('./org-elsewhere-worker.ts', import.meta.url));
  const [options] = (await once(worker, 'message')) as [OrgOptions];
  return {
    options,
    createAndHoldUp(ms) {
      const done = new Int32Array(new SharedArrayBuffer(4));
      worker.postMessage({ done, ms });
      Atomics.wait(done, 0, 0);
    },
    stop: () => worker.terminate(),
  };
}
