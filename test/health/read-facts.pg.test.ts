import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { type Jobs, queues, startJobs } from '../../src/db/jobs.ts';
import { readStoredFacts } from '../../src/health/read-facts.ts';
import { judgeHealth } from '../../src/health/verdict.ts';
import { ensureSubscription } from '../../src/ingest/subscription-rows.ts';
import { useDatabase } from '../helpers/use-database.ts';

const topic = '/data/AccountChangeEvent';
const account = '001000000000001AAA';

describe('what the tables say about the health', () => {
  const database = useDatabase();
  const schemas = ['pgboss', 'other_jobs'] as const;
  const jobs: Record<string, Jobs> = {};

  beforeAll(async () => {
    await database.rows('create schema other_jobs');
    jobs['pgboss'] = await startJobs(database.pool, pino({ level: 'silent' }));
    jobs['other_jobs'] = await startJobs(database.pool, pino({ level: 'silent' }), { schema: 'other_jobs' });
  });
  afterAll(async () => {
    for (const each of Object.values(jobs)) await each.stop();
  });
  beforeEach(async () => {
    await database.rows('truncate resyncs, incidents, subscriptions cascade');
    for (const schema of schemas) await database.rows(`delete from ${schema}.job`);
    await ensureSubscription(database.pool, topic, '00D000000000001AAA');
  });

  const facts = async (queueSchema = 'pgboss') => readStoredFacts(database.pool, topic, queueSchema);

  it.each([
    ['pgboss', 'other_jobs'],
    ['other_jobs', 'pgboss'],
  ])(
    're-reads that fail in the queue of the schema %s are no fault of the one that uses %s',
    async (failing, other) => {
      await inTransaction(database.pool, async (client) => jobs[failing]?.enqueueRereads(client, [account]));
      await database.rows(
        `update ${failing}.job set state = 'retry', output = '{"message": "refused"}' where name = '${queues.reread}'`,
      );
      expect((await facts(failing)).stored.failingRereads).toMatchObject({ count: 1, error: 'refused' });
      expect((await facts(other)).stored.failingRereads).toBeNull();
    },
  );

  it('a failed repair without an incident is reported with its cause until it is repaired, and no other resync is', async () => {
    await database.rows(`update subscriptions set state = 'streaming', loaded_at = now(), current_at = now(),
                                                  renewed_at = now()`);
    const insert = async (reason: string, requestedBy: string | null, mode = 'repair'): Promise<string> => {
      const id = randomUUID();
      await database.rows(
        `insert into resyncs (id, scope, mode, reason, requested_by, account_ids, state, finished_at, error, cause)
         values ($1, 'since', $2, $3, $4, '{}', 'failed', now(), 'no access', '{"action": "Grant access."}')`,
        [id, mode, reason, requestedBy],
      );
      return id;
    };
    await insert('manual', 'ops');
    await insert('overflow', null);
    await insert('sample differs widely', null, 'verify');
    const id = await insert('first position', null);
    const verdict = async () => {
      const { now, stored } = await facts();
      const own = { topic, faults: [], missingColumns: [], replicaServes: undefined, clockAheadMs: null };
      return judgeHealth({ ...own, now, stored });
    };
    expect(await verdict()).toMatchObject({
      health: 'degraded',
      problems: [
        {
          code: 'repair-failed',
          summary: `A resync that Tidemark needs failed (resync ${id}, first position).`,
          detail: 'no access',
          action: 'Grant access. The resync is retried automatically within 15 minutes.',
        },
      ],
    });
    await database.rows(`update resyncs set state = 'queued', finished_at = null where id = $1`, [id]);
    expect((await verdict()).problems).toMatchObject([{ code: 'repair-failed' }]);
    await database.rows(`update resyncs set state = 'done', error = null where id = $1`, [id]);
    expect(await verdict()).toMatchObject({ health: 'healthy', problems: [] });
  });
});
