import type pg from 'pg';
import type { Logger } from 'pino';
import type { ApiBudget, ApiUsage } from '../salesforce/api-budget.ts';
import { budgetCode, type Reason } from './check-field.ts';
import { saveStatus, type WriteBackState } from './state-row.ts';

export type StatusReporter = {
  /** Saves the state and the API usage, and logs a change of the state. */
  (state: WriteBackState, reason?: Reason): Promise<void>;
  /** Reports that a wait for the API budget starts or ends. */
  readonly onWait: (usage: ApiUsage | undefined) => Promise<void>;
};

// A change of the usage alone is saved at this interval, not with each batch.
const usageIntervalMs = 1_000;

/** Reports the status of the write-back to its row in the database; an unchanged status is not saved again. */
export function createStatusReporter(
  pool: pg.Pool,
  topic: string,
  budget: ApiBudget,
  logger: Logger,
): StatusReporter {
  let interruptedAt: number | undefined;
  let last = '';
  let lastUsage = '';
  let savedAt = 0;
  let waiting = false;
  const logChange = (state: WriteBackState, reason: Reason | undefined): void => {
    if (state !== 'running') {
      interruptedAt ??= Date.now();
      logger.warn({ topic, state, reason }, state === 'paused' ? 'write-back paused' : 'write-back waiting');
    } else if (interruptedAt !== undefined) {
      logger.info({ topic, interruptedMs: Date.now() - interruptedAt }, 'write-back resumed');
      interruptedAt = undefined;
    }
  };
  const report = async (state: WriteBackState, reason?: Reason): Promise<void> => {
    const usage = budget.usage();
    const text = JSON.stringify([state, reason]);
    const usageText = JSON.stringify(usage);
    if (text === last && (usageText === lastUsage || Date.now() - savedAt < usageIntervalMs)) return;
    if (text !== last) logChange(state, reason);
    const { reservePercent } = budget;
    await saveStatus(pool, topic, { state, reason: reason ?? null, usage, reservePercent });
    [last, lastUsage, savedAt] = [text, usageText, Date.now()];
  };
  return Object.assign(report, {
    // Calls alternate between start and end; the usage is undefined until Salesforce has sent its limits.
    async onWait(usage: ApiUsage | undefined): Promise<void> {
      waiting = !waiting;
      await (waiting ? report('waiting', budgetReason(usage, budget.reservePercent)) : report('running'));
    },
  });
}

function budgetReason(usage: ApiUsage | undefined, reservePercent: number): Reason {
  const used = usage === undefined ? '' : `: ${usage.used} of ${usage.max} are used`;
  return {
    code: budgetCode,
    message: `${100 - reservePercent} % of the org's daily API requests are used; the rest is reserved${used}. Writing resumes automatically.`,
  };
}
