import type { BulkFaults } from '../http/bulk/bulk-faults.ts';
import type { BulkJobInfo } from '../http/bulk/bulk-job.ts';
import type { BulkSwitches } from './bulk-switches.ts';

/** The switches as the bulk API asks them. */
export function bulkFaults(switches: BulkSwitches): BulkFaults {
  return {
    delayMs: (job) => switches.slow.strike(isOf(job))?.delayMs ?? 0,
    isHeld: (job, state) =>
      switches.hold.strike((which) => (which.state ?? 'InProgress') === state && isOf(job)(which)) !==
      undefined,
    onRelease: (listener) => switches.hold.onOff(listener),
    errorMessage(job) {
      const failure = switches.fail.strike(isOf(job));
      return failure && (failure.errorMessage ?? 'InternalServerError : the job failed after 15 retries');
    },
    isResultEmpty: (job) => switches.emptyResults.strike(isOf(job)) !== undefined,
    isAborted: (job) => switches.abort.strike(isOf(job)) !== undefined,
    pagesToLive(job) {
      const vanish = switches.vanish.strike(isOf(job));
      return vanish && (vanish.afterPages ?? 0);
    },
    page(start) {
      const beginsThere = ({ fromRow = 0 }: { readonly fromRow?: number }) => start >= fromRow;
      const small = switches.smallPages.strike(beginsThere);
      const cut = switches.cutPages.strike(beginsThere);
      const short = switches.shortPages.strike(beginsThere);
      const slow = switches.slowPages.strike(beginsThere);
      return {
        ...(small && { most: small.rows }),
        ...(cut && { cutAfter: cut.afterRows ?? 1 }),
        ...(short && { missing: short.missing ?? 1 }),
        ...(slow && { trickle: { rows: slow.rows ?? 1, delayMs: slow.delayMs } }),
      };
    },
  };
}

function isOf({ client, query }: BulkJobInfo) {
  return (which: Which): boolean =>
    (which.query === undefined || query.includes(which.query)) &&
    (which.client === undefined || which.client === client);
}

type Which = { readonly query?: string; readonly client?: string };
