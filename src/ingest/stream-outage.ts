import { countConnectionError } from '../activity.ts';
import type { AppContext } from '../context.ts';
import { unreachableCode } from '../db/database-fault.ts';
import type { Lease } from '../db/lease.ts';
import type { SalesforceError } from '../salesforce/error.ts';
import {
  type Outage,
  type OutageCause,
  type OutageNews,
  type OutageState,
  outageAfterFailure,
  outageAfterSuccess,
  working,
} from './outage.ts';
import { endOutage, type SubscriptionRow, saveOutage, setSubscriptionState } from './subscription-rows.ts';

/** Reports outages of the stream in the database, in memory and in the log. */
export type OutageReporter = {
  isOngoing(): boolean;
  /** Continues an outage that began in another process or before a restart. */
  resume(subscription: SubscriptionRow): void;
  /** @throws LeaseLostError */
  failed(error: SalesforceError, wasWorking: boolean): Promise<void>;
  /**
   * Reports that the stream works.
   * @param isCaughtUp whether no event is left on the bus
   * @throws LeaseLostError
   */
  succeeded(isCaughtUp: boolean): Promise<void>;
};

export type OutageContext = Pick<AppContext, 'pool' | 'topic' | 'faults' | 'activity' | 'logger'> & {
  readonly lease: Lease;
};

export function createOutageReporter(context: OutageContext): OutageReporter {
  const { pool, lease, faults, activity } = context;
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
    async failed(error, wasWorking) {
      const next = outageAfterFailure(state, { error, at: Date.now(), wasWorking });
      state = next.state;
      const { outage } = state;
      // The others are counted where they arise.
      const isOwn = !error.duringSignIn && !error.code.startsWith('database-');
      if (outage !== null && isOwn) countConnectionError(activity, 'stream', error.failure);
      // Memory first, because a full or unreachable database stores nothing.
      if (outage !== null) faults.set('stream', outage.cause, new Date(outage.since));
      if (outage === null || next.news === null) outageLog.retried(error);
      else outageLog.news(next.news, outage);
      if (outage === null) await setSubscriptionState(pool, lease, 'connecting', error);
      else await saveOutage(pool, lease, outage);
    },
    async succeeded(isCaughtUp) {
      const { outage } = state;
      if (outage !== null || isCaughtUp) await endOutage(pool, lease, isCaughtUp);
      const news = outageAfterSuccess(state);
      state = working;
      faults.clear('stream');
      if (outage !== null && news !== null) outageLog.news(news, outage);
    },
  };
}

/** An outage of the database is logged once for the whole process, so here it is logged at level debug. */
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
      const details = { ...facts, reason: cause.message, since: new Date(since), action: cause.action };
      logger[isDatabase ? 'debug' : 'warn'](
        details,
        news === 'began' ? 'stream disconnected' : 'stream still disconnected; cause changed',
      );
      isLogged ||= !isDatabase;
    },
  };
}
