import { Type } from 'typebox';
import type { BulkJobs } from '../http/bulk/bulk-jobs.ts';
import { faultAct } from './fault-act.ts';
import { closed } from './parameters.ts';

/** What happens to the bulk jobs that there are, at once. */
export function bulkActs(jobs: BulkJobs) {
  return {
    forget: faultAct(
      'No bulk job that there is, finished or not, is found any more.',
      Type.Object({}, closed),
      () => ({ jobs: jobs.removeAll() }),
    ),
  };
}
