import type { Queryable } from '../db/database.ts';
import { logFailure } from '../db/log-failure.ts';
import { runLoop } from '../run-loop.ts';
import type { OperationsContext } from './context.ts';

const heartbeatMs = 15_000;

/** Rows of processes that ended without deleting theirs are deleted after this time. */
const forgottenAfter = `interval '1 day'`;

/** Keeps the row of this process in `instances` current until the signal aborts, then deletes it. */
export async function announceInstance(
  { pool, process, logger }: Pick<OperationsContext, 'pool' | 'process' | 'logger'>,
  signal: AbortSignal,
): Promise<void> {
  const { id, name, host, pid, roles, version } = process;
  await runLoop({
    step: async () => {
      await pool.query({
        name: 'announce-instance',
        text: `with forgotten as (delete from instances where seen_at < now() - ${forgottenAfter})
               insert into instances (id, name, host, pid, roles, version) values ($1, $2, $3, $4, $5, $6)
               on conflict (id) do update set seen_at = now()`,
        values: [id, name, host, pid, [...roles], version],
      });
      return 'wait';
    },
    pollMs: heartbeatMs,
    onFailure: (error) => logFailure(logger, error, 'announcing this process failed; retrying'),
    signal,
  });
  await deleteInstance(pool, id).catch(() => {});
}

async function deleteInstance(client: Queryable, id: string): Promise<void> {
  await client.query({ name: 'delete-instance', text: 'delete from instances where id = $1', values: [id] });
}
