import { Type } from 'typebox';
import type { BulkFaults, BulkJobInfo } from '../http/bulk/bulk-job.ts';
import type { BulkJobs } from '../http/bulk/bulk-jobs.ts';
import { faultAct, faultSwitch, type SwitchContext } from './fault.ts';
import { client, delayMs, frequency } from './parameters.ts';

/** Faults of bulk query jobs and their results, in addition to those of REST requests. */
export function bulkSwitches(context: SwitchContext) {
  return {
    slow: faultSwitch(context, 'New jobs take longer, half of the delay waiting, half in progress.', {
      delayMs,
      ...WHICH_JOB,
      ...frequency,
    }),
    hold: faultSwitch(
      context,
      'Jobs stay in a state, by default InProgress with their rows read, until this is switched off.',
      { state: Type.Optional(Type.Enum(['UploadComplete', 'InProgress'])), ...WHICH_JOB },
    ),
    fail: faultSwitch(context, 'Jobs end as Failed, with an errorMessage.', {
      errorMessage: Type.Optional(Type.String({ minLength: 1 })),
      ...WHICH_JOB,
      ...frequency,
    }),
    emptyResults: faultSwitch(context, 'Jobs complete with an empty but valid result.', {
      ...WHICH_JOB,
      ...frequency,
    }),
    abort: faultSwitch(context, 'Jobs are aborted before they complete.', { ...WHICH_JOB, ...frequency }),
    vanish: faultSwitch(context, 'Complete jobs are not found, at once or after a number of pages.', {
      afterPages: Type.Optional(Type.Integer({ minimum: 0 })),
      ...WHICH_JOB,
      ...frequency,
    }),
    smallPages: faultSwitch(context, 'A page has at most this number of rows, whatever was requested.', {
      rows: Type.Integer({ minimum: 1 }),
      ...WHICH_PAGE,
      ...frequency,
    }),
    cutPages: faultSwitch(context, 'The connection breaks within a page, after a number of rows.', {
      afterRows: Type.Optional(Type.Integer({ minimum: 0, default: 1 })),
      ...WHICH_PAGE,
      ...frequency,
    }),
    shortPages: faultSwitch(
      context,
      'A page ends cleanly, but with fewer rows than its Sforce-NumberOfRecords header says.',
      { missing: Type.Optional(Type.Integer({ minimum: 1, default: 1 })), ...WHICH_PAGE, ...frequency },
    ),
    slowPages: faultSwitch(context, 'A page comes in pieces of a number of rows, each delayed.', {
      delayMs,
      rows: Type.Optional(Type.Integer({ minimum: 1, default: 1 })),
      ...WHICH_PAGE,
      ...frequency,
    }),
  };
}

export function bulkActs(jobs: BulkJobs) {
  return {
    forget: faultAct('Every existing job, finished or not, is not found any more.', {}, () => ({
      jobs: jobs.removeAll(),
    })),
  };
}

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
        ...(small && { maxRows: small.rows }),
        ...(cut && { cutAfter: cut.afterRows ?? 1 }),
        ...(short && { missing: short.missing ?? 1 }),
        ...(slow && { trickle: { rows: slow.rows ?? 1, delayMs: slow.delayMs } }),
      };
    },
  };
}

function isOf(job: BulkJobInfo) {
  return ({ client: name, query }: { readonly client?: string; readonly query?: string }): boolean =>
    (query === undefined || job.query.includes(query)) && (name === undefined || name === job.client);
}

const WHICH_JOB = {
  query: Type.Optional(Type.String({ minLength: 1, description: 'only jobs whose query contains it' })),
  client,
};

const WHICH_PAGE = {
  fromRow: Type.Optional(
    Type.Integer({ minimum: 0, description: 'only pages that begin with this row or a later one' }),
  ),
};

type BulkSwitches = ReturnType<typeof bulkSwitches>;
