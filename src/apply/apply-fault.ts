import type pg from 'pg';
import type { AppContext } from '../context.ts';
import { unreachableCode } from '../db/database-fault.ts';
import type { Lease } from '../db/lease.ts';
import { logFailure } from '../db/log-failure.ts';
import { storableJson } from '../db/storable.ts';
import type { Cause } from '../health/facts.ts';
import { failureCause } from '../health/failure-cause.ts';

type ApplyFaultContext = Pick<AppContext, 'pool' | 'faults' | 'logger'> & { readonly lease: Lease };

/** Reports that stored events cannot be applied, in the database, in memory and in the log (once at each end). */
export type ApplyReporter = {
  failed(error: unknown): Promise<void>;
  succeeded(): Promise<void>;
  end(): void;
};

export function createApplyReporter({ pool, lease, faults, logger }: ApplyFaultContext): ApplyReporter {
  let current: (Cause & { readonly since: Date }) | undefined;
  let isLogged = false;
  // An earlier leader may have stored a fault.
  let isStored = true;
  return {
    async failed(error) {
      const cause = failureCause(error);
      const isNews = current?.code !== cause.code;
      current = { ...cause, since: current?.since ?? new Date() };
      faults.set('apply', cause, current.since);
      const { code, action } = cause;
      if (isNews) logFailure(logger, error, 'stored changes cannot be applied', { code, action });
      else logger.debug({ err: error }, 'stored changes cannot be applied yet');
      isLogged ||= code !== unreachableCode;
      isStored = true;
      await saveApplyFault(pool, lease, current).catch(() => {});
    },
    async succeeded() {
      if (isStored) await saveApplyFault(pool, lease, null);
      isStored = false;
      if (current === undefined) return;
      const { code, since } = current;
      current = undefined;
      faults.clear('apply');
      const seconds = Math.round((Date.now() - since.getTime()) / 1_000);
      logger[isLogged ? 'info' : 'debug']({ code, seconds }, 'stored changes are applied again');
      isLogged = false;
    },
    end: () => faults.clear('apply'),
  };
}

async function saveApplyFault(
  pool: pg.Pool,
  { topic, epoch }: Lease,
  fault: (Cause & { readonly since: Date }) | null,
): Promise<void> {
  await pool.query({
    name: 'save-apply-fault',
    text: `update subscriptions set apply_fault = $2
            where topic = $1 and epoch = $3 and apply_fault is distinct from $2`,
    values: [topic, fault === null ? null : storableJson(fault), epoch],
  });
}
