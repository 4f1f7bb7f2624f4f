import { setTimeout as pause } from 'node:timers/promises';
import type { Connection } from 'jsforce';
import { Type } from 'typebox';
import { backoffMs } from './backoff.ts';
import { SalesforceError } from './error.ts';
import { callRest } from './rest-call.ts';

/** The org's API requests within 24 hours. Source: header `Sforce-Limit-Info`, REST API guide. */
export type ApiUsage = { readonly used: number; readonly max: number };

/**
 * Reserves a share of the org's daily API requests for other clients. Calls that can wait are delayed while only the
 * reserve is left.
 */
export type ApiBudget = {
  /** As of the last response; undefined before the first one. */
  usage(): ApiUsage | undefined;
  /** Reserved share of the daily requests, in percent. */
  readonly reservePercent: number;
  /** Whether more than the reserve is left. */
  hasRoom(): boolean;
  /**
   * Makes a call when there is room. Waits and retries if Salesforce refuses it for lack of requests.
   * @throws the error of the call, or the reason of the signal
   */
  spend<T>(call: () => Promise<T>, wait: Waiting): Promise<T>;
};

export type Waiting = {
  readonly signal: AbortSignal;
  /** Called when a wait begins, with the usage if it is known, and with undefined when it is over. */
  readonly onWait?: (usage: ApiUsage | undefined) => Promise<void> | void;
};

export type ApiBudgetOptions = {
  /** Reserved share of the daily requests, in percent. */
  readonly reservePercent: number;
  /** Milliseconds between polls of the limits while waiting; each costs a request. */
  readonly pollIntervalMs: number;
};

// Refusals of a call while the org reports that it has requests left.
const maxRefusals = 5;

export function createApiBudget(connection: Connection, options: ApiBudgetOptions): ApiBudget {
  let exhausted = false;

  const usage = (): ApiUsage | undefined => {
    const { apiUsage } = connection.limitInfo;
    return apiUsage === undefined ? undefined : { used: apiUsage.used, max: apiUsage.limit };
  };
  const hasRoom = (): boolean => !exhausted && isWithin(usage(), options.reservePercent);

  /** Any response updates the usage by its header. */
  const refreshUsage = async (): Promise<void> => {
    try {
      await callRest(connection, '/limits', { shape: anyObject, timeoutMs: 60_000 });
      exhausted = false;
    } catch {
      // Still no room.
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
      for (let refusals = 0; ; ) {
        wait.signal.throwIfAborted();
        await waitForRoom(wait);
        try {
          return await call();
        } catch (error) {
          if (!(error instanceof SalesforceError)) throw error;
          const isMomentary = error.failure === 'transient' && error.code === 'REQUEST_LIMIT_EXCEEDED';
          if (error.failure === 'quota') exhausted = true;
          else if (!isMomentary || ++refusals > maxRefusals) throw error;
          else
            await pause(backoffMs('transient', refusals, Math.random()), undefined, { signal: wait.signal });
        }
      }
    },
  };
}

const anyObject = Type.Object({});

function isWithin(usage: ApiUsage | undefined, reservePercent: number): boolean {
  return usage === undefined || usage.used < usage.max * (1 - reservePercent / 100);
}
