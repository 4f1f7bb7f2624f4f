import type { AppContext } from '../context.ts';
import { logFailure } from '../db/log-failure.ts';
import { runLoop } from '../run-loop.ts';
import { readMirrorObject } from './load-mirror.ts';
import { logRenamedViews, prepareMirror } from './prepare-mirror.ts';
import { isMirrorDamaged } from './restore-columns.ts';

const pollMs = 5_000;

/** Restores columns and views of the table of accounts that are removed or changed by hand while the service runs. */
export async function watchMirror(
  { pool, logger }: Pick<AppContext, 'pool' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  await runLoop({
    step: async () => {
      if (!(await isMirrorDamaged(pool))) return 'wait';
      logRenamedViews(logger, await prepareMirror(pool, await readMirrorObject(pool)));
      logger.warn({}, 'the table of accounts or its views were changed by hand; restored');
      return 'wait';
    },
    pollMs,
    onFailure: (error) => logFailure(logger, error, 'the table of accounts cannot be restored yet; retrying'),
    signal,
  });
}
