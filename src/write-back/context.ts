import type { OrgContext } from '../context.ts';

/** What a call that writes codes needs. */
export type BatchContext = Pick<
  OrgContext,
  'pool' | 'prisma' | 'topic' | 'codes' | 'org' | 'jobs' | 'retryPolicy' | 'timing' | 'activity'
>;

export type WriteBackContext = BatchContext & Pick<OrgContext, 'wakeUps' | 'collectMs' | 'logger'>;
