import type pg from 'pg';
import type { Logger } from 'pino';
import type { ApiBudget, ApiUsage } from '../salesforce/api-budget.ts';
import type { Reason } from './check-field.ts';
import { saveState, type WriteBackState } from './state-row.ts';

export type StatusReporter = {
  /** Shows the state, and what is known of the API allowance. */
  (state: WriteBackState, reason?: Reason): Promise<void>;
  /** For waits of the API budget: shows when one begins, and when it is over. */
  readonly onWait: (usage: ApiUsage | undefined) => Promise<void>;
};

// Usage alone is not worth a statement for each batch.
const usageEveryMs = 1_000;

/** Keeps the row that others look at up to date, without a statement where nothing is new. */
export function createShowState(
  pool: pg.Pool,
  topic: string,
  budget: ApiBudget,
  logger: Logger,
): StatusReporter {
  let heldSince: number | undefined;
  let last = '';
  let lastUsage = '';
  let savedAt = 0;
  let waiting = false;
  const logChange = (state: WriteBackState, reason: Reason | undefined): void => {
    if (state !== 'running') {
      heldSince ??= Date.now();
      logger.warn({ topic, state, reason }, state === 'paused' ? 'write-back paused' : 'write-back waiting');
    } else if (heldSince !== undefined) {
      logger.info({ topic, heldUpMs: Date.now() - heldSince }, 'write-back resumed');
      heldSince = undefined;
    }
  };
  const show = async (state: WriteBackState, reason?: Reason): Promise<void> => {
    const usage = budget.usage();
    const text = JSON.stringify([state, reason]);
    const usageText = JSON.stringify(usage);
    if (text === last && (usageText === lastUsage || Date.now() - savedAt < usageEveryMs)) return;
    if (text !== last) logChange(state, reason);
    const { reservePercent } = budget;
    await saveState(pool, topic, { state, reason: reason ?? null, usage, reservePercent });
    [last, lastUsage, savedAt] = [text, usageText, Date.now()];
  };
  return Object.assign(show, {
    // Told in turns: what it is told says nothing where Salesforce has not spoken of its limits.
    async onWait(usage: ApiUsage | undefined): Promise<void> {
      waiting = !waiting;
      await (waiting ? show('waiting', noRoom(usage, budget.reservePercent)) : show('running'));
    },
  });
}

function noRoom(usage: ApiUsage | undefined, reservePercent: number): Reason {
  const used = usage === undefined ? '' : `: ${usage.used} of ${usage.max} are used`;
  return {
    code: 'api-allowance',
    message: `${100 - reservePercent} % of the org's daily API requests are used; the rest is reserved${used}. Writing resumes automatically.`,
  };
}
