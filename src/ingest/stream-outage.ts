import type { AppContext } from '../context.ts';
import { unreachableCode } from '../db/database-fault.ts';
import type { Lease } from '../db/lease.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import {
  afterProof,
  type Outage,
  type OutageCause,
  type OutageNews,
  type OutageState,
  outageAfterFailure,
  working,
} from './outage.ts';
import { endOutage, type SubscriptionRow, saveOutage, setSubscriptionState } from './subscription-rows.ts';

/** Follows the outages of one stream: in the subscription's row, in this process's memory, and in the log. */
export type OutageReporter = {
  isOngoing(): boolean;
  /** Takes up an outage that another process, or an earlier start, has seen begin. */
  resume(subscription: SubscriptionRow): void;
  /** @throws LeaseLostError */
  failed(error: SalesforceError, hadLived: boolean): Promise<void>;
  /**
   * The stream works.
   * @param isCaughtUp whether nothing is left on the bus
   * @throws LeaseLostError
   */
  proven(isCaughtUp: boolean): Promise<void>;
};

export type OutageContext = Pick<AppContext, 'pool' | 'topic' | 'faults' | 'logger'> & {
  readonly lease: Lease;
};

export function createOutageReporter(context: OutageContext): OutageReporter {
  const { pool, lease, faults } = context;
  const outageLog = createOutageLog(context);
  let state: OutageState = working;
  let isResumed = false;
  return {
    isOngoing: () => state.outage !== null,
    resume({ outageSince, outageCause }) {
      if (isResumed) return;
      isResumed = true;
      if (outageSince === null || outageCause === null || state.outage !== null) return;
      const since = outageSince.getTime();
      state = { firstFailureAt: since, outage: { since, cause: outageCause }, ordinaryEnd: null };
      faults.set('stream', outageCause, outageSince);
      outageLog.resumed(outageCause);
    },
    async failed(error, hadLived) {
      const next = outageAfterFailure(state, { error, at: Date.now(), hadLived });
      state = next.state;
      const { outage } = state;
      // Memory first: a database that is full or away stores nothing.
      if (outage !== null) faults.set('stream', outage.cause, new Date(outage.since));
      if (outage === null || next.news === null) outageLog.retried(error);
      else outageLog.news(next.news, outage);
      if (outage === null) await setSubscriptionState(pool, lease, 'connecting', error);
      else await saveOutage(pool, lease, outage);
    },
    async proven(isCaughtUp) {
      const { outage } = state;
      if (outage !== null || isCaughtUp) await endOutage(pool, lease, isCaughtUp);
      const news = afterProof(state);
      state = working;
      faults.clear('stream');
      if (outage !== null && news !== null) outageLog.news(news, outage);
    },
  };
}

/** The outage of the database is logged once for the whole process: here it is debug output. */
function createOutageLog({ logger, topic }: OutageContext) {
  let isLogged = false;
  return {
    resumed(cause: OutageCause): void {
      isLogged = cause.code !== unreachableCode;
    },
    retried(error: SalesforceError): void {
      logger.debug({ topic, code: error.code, reason: error.message }, 'stream ended');
    },
    news(news: NonNullable<OutageNews>, { cause, since }: Outage): void {
      const facts = { topic, code: cause.code, class: cause.class };
      if (news === 'ended') {
        const seconds = Math.round((Date.now() - since) / 1_000);
        logger[isLogged ? 'info' : 'debug']({ ...facts, seconds }, 'stream reconnected');
        isLogged = false;
        return;
      }
      const isDatabase = cause.code === unreachableCode;
      const text = news === 'began' ? 'stream disconnected' : 'stream still disconnected, for another cause';
      const details = { ...facts, since: new Date(since), action: cause.action };
      logger[isDatabase ? 'debug' : 'warn'](details, `${text}: ${cause.message}`);
      isLogged ||= !isDatabase;
    },
  };
}
