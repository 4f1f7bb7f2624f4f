import { sleep, untilAborted } from '../run-loop.ts';
import { backoffMs } from './backoff.ts';
import { SalesforceError } from './error.ts';
import type { Org } from './org.ts';

/** The connection to an org that may be unavailable at startup: the sign-in is retried until it succeeds. */
export type OrgConnection = {
  /** Undefined until the sign-in has succeeded. */
  readonly org: Org | undefined;
  /** @throws SalesforceError of class `transient` if there is no org yet */
  require(): Org;
  /** Resolves with the failure of the first attempt; undefined if it succeeded. */
  readonly firstFailure: Promise<SalesforceError | undefined>;
  /**
   * Waits for the org; undefined if `signal` aborts first.
   * @param onFailure called with the current failure and each later one
   */
  whenOpen(
    signal: AbortSignal,
    onFailure?: (error: SalesforceError) => Promise<void>,
  ): Promise<Org | undefined>;
  close(): void;
};

type Logger = Record<'info' | 'warn', (fields: object, message: string) => void>;

// Longest delay after Salesforce, or a credential, works again.
const maxPauseMs = 10_000;

/** @param open signs in and checks that the org is the expected one; not called concurrently */
export function connectOrg(open: () => Promise<Org>, logger: Logger): OrgConnection {
  const closing = new AbortController();
  const first = Promise.withResolvers<SalesforceError | undefined>();
  let org: Org | undefined;
  let failure: SalesforceError | undefined;
  let changed = Promise.withResolvers<void>();
  const announce = (): void => {
    first.resolve(failure);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const failed = (error: SalesforceError, waitMs: number): void => {
    const { code, failure: failureClass, message, action, setting } = error;
    if (failure?.code !== code || failure.message !== message) {
      const fields = { code, class: failureClass, reason: message, setting, action, waitMs };
      logger.warn(fields, 'not connected to Salesforce');
    }
    failure = error;
    announce();
  };
  const connect = async (): Promise<void> => {
    for (let failures = 1; !closing.signal.aborted; failures++) {
      try {
        const opened = await open();
        if (closing.signal.aborted) return opened.close();
        if (failure !== undefined) logger.info({ failures }, 'connected to Salesforce');
        org = opened;
        failure = undefined;
        return announce();
      } catch (thrown) {
        const error = asSalesforceError(thrown);
        const waitMs = retryPauseMs(error, failures);
        failed(error, waitMs);
        await sleep(waitMs, closing.signal);
      }
    }
  };
  void connect();
  return {
    get org() {
      return org;
    },
    require() {
      if (org !== undefined) return org;
      const message = `not connected to Salesforce${failure === undefined ? '' : `: ${failure.message}`}`;
      throw new SalesforceError(message, 'NOT_CONNECTED', 'transient', { cause: failure });
    },
    firstFailure: first.promise,
    async whenOpen(signal, onFailure) {
      while (org === undefined && !signal.aborted) {
        const next = changed.promise;
        if (failure !== undefined) await onFailure?.(failure);
        await untilAborted(signal, next);
      }
      return org;
    },
    close() {
      closing.abort();
      org?.close();
    },
  };
}

function retryPauseMs({ failure, retryAfterMs = 0 }: SalesforceError, failures: number): number {
  const waitMs = Math.max(retryAfterMs, backoffMs(failure, failures, Math.random()));
  return failure === 'throttle' || failure === 'quota' ? waitMs : Math.min(waitMs, maxPauseMs);
}

/** Other failures are the database's, which the check of the org queries. */
function asSalesforceError(thrown: unknown): SalesforceError {
  if (thrown instanceof SalesforceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SalesforceError(message, 'database', 'transient', { cause: thrown });
}
