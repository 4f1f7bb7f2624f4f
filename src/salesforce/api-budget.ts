import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'jsforce';
import { SalesforceError } from './error.ts';
import { restAnswer } from './rest-call.ts';

/** The org's API requests within 24 hours. Source: header `Sforce-Limit-Info`, REST API guide. */
export type ApiUsage = { readonly used: number; readonly max: number };

/**
 * Leaves a share of the org's daily API requests to others. Work that can wait asks it before each call, waits while
 * the rest is reserved, and goes on by itself when Salesforce says that there is room again.
 */
export type ApiBudget = {
  /** What Salesforce last said; undefined before its first answer. */
  usage(): ApiUsage | undefined;
  /** Share of the daily requests that is left to others, in percent. */
  readonly reservePercent: number;
  /** Whether a call would leave the reserve alone. */
  hasRoom(): boolean;
  /**
   * Carries out a call as soon as there is room for it. A refusal for want of requests is waited out too.
   * @throws what the call throws, or the reason of the signal
   */
  spend<T>(call: () => Promise<T>, wait: Waiting): Promise<T>;
};

export type Waiting = {
  readonly signal: AbortSignal;
  /** Told when a wait begins, and with undefined when it is over. */
  readonly onWait?: (usage: ApiUsage | undefined) => Promise<void> | void;
};

export type ApiBudgetOptions = {
  /** Share of the daily requests that is left to others, in percent. */
  readonly reservePercent: number;
  /** How often Salesforce is asked whether there is room again, in milliseconds; each time costs a request. */
  readonly pollIntervalMs: number;
};

export function createApiBudget(connection: Connection, options: ApiBudgetOptions): ApiBudget {
  let exhausted = false;

  const usage = (): ApiUsage | undefined => {
    const { apiUsage } = connection.limitInfo;
    return apiUsage === undefined ? undefined : { used: apiUsage.used, max: apiUsage.limit };
  };
  const hasRoom = (): boolean => !exhausted && isWithin(usage(), options.reservePercent);

  /** Whatever this answers or throws, the header of the answer counts. */
  const refreshUsage = async (): Promise<void> => {
    try {
      await restAnswer(connection.request('/limits'), 60_000, 'limits');
      exhausted = false;
    } catch {
      // Refused or out of reach: there is no room as long as nobody says so.
    }
  };

  const waitForRoom = async ({ signal, onWait }: Waiting): Promise<void> => {
    if (hasRoom()) return;
    await onWait?.(usage());
    while (!hasRoom()) {
      await pause(options.pollIntervalMs, undefined, { signal });
      await refreshUsage();
    }
    await onWait?.(undefined);
  };

  return {
    reservePercent: options.reservePercent,
    usage,
    hasRoom,
    async spend(call, wait) {
      for (;;) {
        wait.signal.throwIfAborted();
        await waitForRoom(wait);
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof SalesforceError && error.failure === 'quota')) throw error;
          exhausted = true;
        }
      }
    },
  };
}

/** Before Salesforce has said how many there are, there is room. */
function isWithin(usage: ApiUsage | undefined, reservePercent: number): boolean {
  return usage === undefined || usage.used < usage.max * (1 - reservePercent / 100);
}
