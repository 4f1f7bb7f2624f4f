import type pg from 'pg';
import type { Logger } from 'pino';
import type { Queryable } from '../db/database.ts';
import type { Instance } from '../db/lease.ts';
import { logFailure } from '../db/log-failure.ts';
import { runLoop } from '../run-loop.ts';

const heartbeatMs = 15_000;

/** Rows of processes that ended without deleting theirs are deleted after this time. */
const forgottenAfter = `interval '1 day'`;

export type AnnounceContext = {
  readonly pool: pg.Pool;
  readonly process: ServiceProcess;
  readonly logger: Logger;
};

/** A process, as `GET /v1/instances` shows it. */
type ServiceProcess = Instance & {
  /** Random: a restarted process is another one. */
  readonly id: string;
  readonly roles: ReadonlySet<string>;
  readonly version: string;
};

/** Keeps the row of this process in `instances` current until the signal aborts, then deletes it. */
export async function announceInstance(
  { pool, process, logger }: AnnounceContext,
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
