import type { OrgContext } from '../context.ts';

/** What sending codes takes. */
export type BatchContext = Pick<
  OrgContext,
  'pool' | 'topic' | 'codes' | 'org' | 'jobs' | 'retryPolicy' | 'timing'
>;

export type WriteBackContext = BatchContext & Pick<OrgContext, 'wakeUps' | 'collectMs' | 'logger'>;
