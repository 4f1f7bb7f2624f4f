import type { Logger } from 'pino';
import { describeCodeField } from '../salesforce/signup-codes.ts';
import type { Timing } from '../timing.ts';
import { fieldProblem, type Reason } from './check-field.ts';
import type { BatchContext } from './context.ts';
import { fieldCodes } from './refusal-class.ts';
import { retryFailed } from './retry-failed.ts';
import type { StatusReporter } from './status-reporter.ts';

/** Checks the signup code field: at the start, periodically, and soon after a refusal that concerns it. */
export type FieldHealthCheck = {
  /** Whether the field accepts codes. Checks it if that is due. */
  isUsable(signal: AbortSignal): Promise<boolean>;
  /** Schedules a check after a refusal that may be caused by the field. */
  checkSoon(): void;
};

export type FieldHealthContext = BatchContext & {
  readonly logger: Logger;
  readonly timing: Pick<Timing, 'codeFieldCheckIntervalMs'>;
};

const checkIntervalMs = 15 * 60_000;

export async function createFieldHealthCheck(
  context: FieldHealthContext,
  reportStatus: StatusReporter,
): Promise<FieldHealthCheck> {
  const { pool, topic, logger, timing } = context;
  let problem: Reason | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let dueAt = checkedAt;
  let wasUnusable = await wasPaused(context);

  const check = async (signal: AbortSignal): Promise<void> => {
    const { codes, org } = context;
    const { connection, budget } = org;
    const field = await budget.spend(() => describeCodeField(connection, codes.field), {
      signal,
      onWait: reportStatus.onWait,
    });
    const found = fieldProblem(codes, field);
    problem = found;
    checkedAt = Date.now();
    dueAt = checkedAt + (found === undefined ? checkIntervalMs : timing.codeFieldCheckIntervalMs);
    if (found !== undefined) {
      wasUnusable = true;
      await reportStatus('paused', found);
    } else if (wasUnusable) {
      wasUnusable = false;
      const retried = await retryFailed(pool, fieldCodes);
      logger.info({ topic, retried }, 'signup code field usable again; failed codes retried');
    }
  };

  return {
    async isUsable(signal) {
      if (Date.now() >= dueAt) await check(signal);
      return problem === undefined;
    },
    checkSoon() {
      dueAt = Math.min(dueAt, checkedAt + timing.codeFieldCheckIntervalMs);
    },
  };
}

async function wasPaused({ prisma, topic }: FieldHealthContext): Promise<boolean> {
  const reason = { path: ['code'], string_starts_with: 'field-' };
  return (await prisma.writeBackState.count({ where: { topic, state: 'paused', reason } })) === 1;
}
