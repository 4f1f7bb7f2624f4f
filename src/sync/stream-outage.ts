import type pg from 'pg';
import type { Logger } from 'pino';
import type { SalesforceError } from '../salesforce/error.ts';
import type { ProcessFaults } from './health/process-faults.ts';
import type { Lease } from './lease.ts';
import {
  afterFailure,
  afterProof,
  type Outage,
  type OutageNews,
  type OutageState,
  working,
} from './outage.ts';
import { endOutage, type SubscriptionRow, saveOutage, setSubscriptionState } from './subscription-rows.ts';

/** Follows the outages of one stream: in the subscription's row, in this process's memory, and in the log. */
export type OutageReporter = {
  isOngoing(): boolean;
  /** Takes up an outage that another process, or an earlier start, has seen begin. */
  resume(subscription: SubscriptionRow): void;
  /** @throws LeaseLost */
  failed(error: SalesforceError, hadLived: boolean): Promise<void>;
  /**
   * The stream works.
   * @param isCaughtUp whether nothing is left on the bus
   * @throws LeaseLost
   */
  proven(isCaughtUp: boolean): Promise<void>;
};

export type OutageContext = {
  readonly pool: pg.Pool;
  readonly topic: string;
  readonly lease: Lease;
  readonly faults: ProcessFaults;
  readonly logger: Logger;
};

export function createOutageReporter(context: OutageContext): OutageReporter {
  const { pool, lease, faults } = context;
  let state: OutageState = working;
  let isResumed = false;
  return {
    isOngoing: () => state.outage !== null,
    resume({ outageSince, outageCause }) {
      if (isResumed) return;
      isResumed = true;
      if (outageSince === null || outageCause === null || state.outage !== null) return;
      const since = outageSince.getTime();
      state = { firstFailureAt: since, outage: { since, cause: outageCause }, usualEnd: null };
      faults.set('stream', outageCause, outageSince);
    },
    async failed(error, hadLived) {
      const next = afterFailure(state, { error, at: Date.now(), hadLived });
      state = next.state;
      const { outage } = state;
      // Memory first: a database that is full or away stores nothing.
      if (outage !== null) faults.set('stream', outage.cause, new Date(outage.since));
      log(context, next.news, outage, error);
      if (outage === null) await setSubscriptionState(pool, lease, 'connecting', error);
      else await saveOutage(pool, lease, outage);
    },
    async proven(isCaughtUp) {
      const { outage } = state;
      if (outage !== null || isCaughtUp) await endOutage(pool, lease, isCaughtUp);
      const news = afterProof(state);
      state = working;
      faults.clear('stream');
      log(context, news, outage);
    },
  };
}

function log(
  { logger, topic }: OutageContext,
  news: OutageNews,
  outage: Outage | null,
  error?: SalesforceError,
): void {
  if (outage === null || news === null) {
    if (error !== undefined) logger.debug({ topic, code: error.code, reason: error.message }, 'stream ended');
    return;
  }
  const { cause, since } = outage;
  const facts = { topic, code: cause.code, class: cause.class };
  if (news === 'ended') {
    logger.info({ ...facts, seconds: Math.round((Date.now() - since) / 1_000) }, 'stream reconnected');
    return;
  }
  const text = news === 'began' ? 'stream disconnected' : 'stream still disconnected, for another cause';
  logger.warn({ ...facts, since: new Date(since), action: cause.action }, `${text}: ${cause.message}`);
}
