import type { Logger } from 'pino';
import { describeCodeField } from '../salesforce/signup-codes.ts';
import type { Timing } from '../timing.ts';
import { fieldCodes } from './answer-class.ts';
import { fieldProblem, type Reason } from './check-field.ts';
import type { BatchContext } from './context.ts';
import { retryFailed } from './retry-failed.ts';
import type { StatusReporter } from './status-reporter.ts';

/** Looks at the field of the codes: at the start, where an answer suggests it, and from time to time. */
export type FieldHealthCheck = {
  /** Whether codes can be written as far as the field goes. */
  isGood(signal: AbortSignal): Promise<boolean>;
  /** An answer said that something is wrong with it. */
  suspect(): void;
};

export type FieldWatchContext = BatchContext & {
  readonly logger: Logger;
  readonly timing: Pick<Timing, 'codeFieldCheckIntervalMs'>;
};

const goodForMs = 15 * 60_000;

export async function createFieldWatch(
  context: FieldWatchContext,
  show: StatusReporter,
): Promise<FieldHealthCheck> {
  const { pool, topic, logger, timing } = context;
  let problem: Reason | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  let dueAt = checkedAt;
  let wasBad = await wasPaused(context);

  const look = async (signal: AbortSignal): Promise<void> => {
    const { codes, org } = context;
    const { connection, budget } = org;
    const field = await budget.spend(() => describeCodeField(connection, codes.field), {
      signal,
      onWait: show.onWait,
    });
    const found = fieldProblem(codes, field);
    if (found !== undefined && found.code !== problem?.code) {
      logger.error({ reason: found.code }, `${found.message} No signup codes are written until then.`);
    }
    problem = found;
    checkedAt = Date.now();
    dueAt = checkedAt + (found === undefined ? goodForMs : timing.codeFieldCheckIntervalMs);
    if (found !== undefined) {
      wasBad = true;
      await show('paused', found);
    } else if (wasBad) {
      wasBad = false;
      const again = await retryFailed(pool, fieldCodes);
      logger.info({ topic, again }, 'the field of the signup codes is as it has to be');
    }
  };

  return {
    async isGood(signal) {
      if (Date.now() >= dueAt) await look(signal);
      return problem === undefined;
    },
    suspect() {
      dueAt = Math.min(dueAt, checkedAt + timing.codeFieldCheckIntervalMs);
    },
  };
}

async function wasPaused({ pool, topic }: FieldWatchContext): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'was-paused',
    text: `select from write_back_state where topic = $1 and state = 'paused' and reason ->> 'code' like 'field-%'`,
    values: [topic],
  });
  return rowCount === 1;
}
