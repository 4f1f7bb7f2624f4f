import { describe, expect, it } from 'vitest';
import { queues } from '../../src/db/jobs.ts';
import { sweep } from '../../src/maintenance/sweep.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { accountTopic } from '../helpers/simulator-org.ts';

describe('sweeps', () => {
  const mirror = useMirrorOfSimulator();
  const context = () => ({
    pool: mirror.database.pool,
    prisma: mirror.database.prisma,
    topic: accountTopic,
    jobs: mirror.jobs,
  });
  const jobsOf = async (queue: string): Promise<string[]> => {
    const rows = await mirror.database.rows<{ key: string }>(
      `select coalesce(singleton_key, data ->> 'resyncId') as key from pgboss.job where name = '${queue}' and state = 'created' order by 1`,
    );
    return rows.map(({ key }) => key);
  };
  const insertAccount = (id: string, columns: string, values: string) =>
    mirror.database.rows(
      `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at, ${columns})
       values ('${id}', '{}', '0.0.0.0', '{}', '1.1.1.0', now(), now(), ${values})`,
    );

  it('a sweep finds stale accounts and unconfirmed codes and enqueues each once', async () => {
    await mirror.database.rows('update subscriptions set loaded_at = now()');
    await insertAccount('001000000000001AAA', 'stale_version', `'1.1.1.0'`);
    await insertAccount(
      '001000000000002AAA',
      'signup_code, code_state, code_attempted_at',
      `'CODE', 'written', now() - interval '15 minutes'`,
    );
    await insertAccount('001000000000003AAA', 'signup_code, code_state', `'OTHER', 'confirmed'`);
    // Read since it was written, and still undecided: the user may not see the field. Another read would not help.
    await insertAccount(
      '001000000000004AAA',
      'signup_code, code_state, code_written_at',
      `'HIDDEN', 'written', now() - interval '3 days'`,
    );
    await mirror.database.rows(
      `update accounts set base_version = '1.1.1.' || (extract(epoch from now()) * 1000)::bigint where signup_code = 'HIDDEN'`,
    );
    await insertAccount(
      '001000000000005AAA',
      'signup_code, code_state, code_written_at',
      `'FORGOTTEN', 'written', now() - interval '3 days'`,
    );
    await sweep(context());
    await sweep(context());
    expect(await jobsOf(queues.reread)).toEqual([
      '001000000000001AAA',
      '001000000000002AAA',
      '001000000000005AAA',
    ]);
    expect(await jobsOf(queues.resync)).toEqual([]);
  });

  it('a sweep retries a failed resync with an open incident after a quarter of an hour', async () => {
    await mirror.database.rows('update subscriptions set loaded_at = now()');
    const failed = (ago: string) =>
      mirror.database.rows<{ id: string }>(
        `insert into resyncs (scope, reason, account_ids, state, finished_at)
         values ('all', 'overflow', '{}', 'failed', now() - interval '${ago}') returning id`,
      );
    const [old] = await failed('20 minutes');
    const [fresh] = await failed('1 minute');
    for (const row of [old, fresh]) {
      await mirror.database.rows(
        `insert into incidents (topic, cause, detail, extent, resync_id) values ('t', 'overflow', '', 'all', '${row?.id}')`,
      );
    }
    await sweep(context());
    expect(await jobsOf(queues.fullResync)).toEqual([old?.id]);
  });

  it('a sweep retries a failed repair that Tidemark ordered without an incident, and none of a person', async () => {
    await mirror.database.rows('update subscriptions set loaded_at = now()');
    const failed = async (reason: string, requestedBy: string | null): Promise<string> => {
      const [row] = await mirror.database.rows<{ id: string }>(
        `insert into resyncs (scope, reason, requested_by, state, finished_at)
         values ('since', $1, $2, 'failed', now() - interval '20 minutes') returning id::text as id`,
        [reason, requestedBy],
      );
      return row?.id ?? '';
    };
    const own = [await failed('first position', null), await failed('calculated fields', null)];
    await failed('manual', 'ops');
    await sweep(context());
    const queued = await mirror.database.rows<{ id: string }>(
      `select id::text as id from resyncs where state = 'queued' order by created_at`,
    );
    expect(queued.map(({ id }) => id).sort()).toEqual(own.sort());
  });

  it('a sweep deletes the stored responses of idempotent requests after a day', async () => {
    await mirror.database.rows(
      `insert into idempotent_requests (api_key, key, digest, status, body, created_at)
       values ('k', 'old', '', 202, '{}', now() - interval '25 hours'), ('k', 'new', '', 202, '{}', now() - interval '23 hours')`,
    );
    await sweep(context());
    expect(await mirror.database.rows('select key from idempotent_requests')).toEqual([{ key: 'new' }]);
  });

  it('a sweep requests the initial load if none is in progress', async () => {
    await sweep(context());
    await sweep(context());
    expect(await jobsOf(queues.fullResync)).toHaveLength(1);
    expect(await mirror.database.rows('select reason from resyncs')).toEqual([{ reason: 'initial' }]);
  });
});
