import type { JobWithMetadata } from 'pg-boss';
import { describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { type AccountJob, queues } from '../../src/sync/jobs.ts';
import { rereadAccounts } from '../../src/sync/resync/run-resync.ts';
import { writeBack } from '../../src/sync/write-back.ts';
import { inOrg } from '../helpers/sandbox-org.ts';
import { useMirrorOfSandbox } from './mirror-of-sandbox.ts';

const field = 'SignUpCode__c';

describe('writing codes to Salesforce', () => {
  const mirror = useMirrorOfSandbox();

  /** An account that is new on both sides: the mirror has a code for it and a job to write it. */
  const newAccount = async (Name = 'New Ltd'): Promise<string> => {
    const id = inOrg(mirror.sandbox).createQuietly({ Name });
    await rereadAccounts(mirror.context, [id]);
    return id;
  };
  const takeJobs = (): Promise<JobWithMetadata<AccountJob>[]> =>
    mirror.jobs.boss.fetch<AccountJob>(queues.writeBack, { batchSize: 200, includeMetadata: true });
  const write = async (
    change: (job: JobWithMetadata<AccountJob>) => JobWithMetadata<AccountJob> = (job) => job,
  ) => {
    const jobs = (await takeJobs()).map(change);
    const results = await writeBack(mirror.context, jobs);
    return new Map(
      results.map(({ id, status }) => [jobs.find((job) => job.id === id)?.data.accountId, status]),
    );
  };
  const onLastTry = (job: JobWithMetadata<AccountJob>) => ({ ...job, retryCount: job.retryLimit });
  const held = (id: string) => mirror.sandbox.org.record(id)?.values[field];

  it('leaves the same code on both sides', async () => {
    const ids = [await newAccount(), await newAccount()];
    expect(await write()).toEqual(new Map(ids.map((id) => [id, 'completed'])));
    for (const id of ids) {
      const row = await mirror.account(id);
      expect(row).toMatchObject({ code_state: 'written', code_error: null, code_attempts: 1 });
      expect(held(id)).toBe(row?.['signup_code']);
    }
  });

  it('does nothing where no code waits', async () => {
    const id = await newAccount();
    const jobs = await takeJobs();
    await writeBack(mirror.context, jobs);
    const before = await mirror.account(id);
    expect(await writeBack(mirror.context, jobs)).toMatchObject([{ status: 'completed' }]);
    expect(await mirror.account(id)).toEqual(before);
  });

  it('adopts a code that Salesforce holds already, and overwrites nothing', async () => {
    const id = await newAccount();
    inOrg(mirror.sandbox).updateQuietly(id, { [field]: 'THEIRS' });
    expect(await write()).toEqual(new Map([[id, 'completed']]));
    expect(held(id)).toBe('THEIRS');
    expect(await mirror.account(id)).toMatchObject({ signup_code: 'THEIRS', code_state: 'confirmed' });
  });

  it('confirms its own code when the answer to an earlier try was lost', async () => {
    const id = await newAccount();
    const code = (await mirror.account(id))?.['signup_code'];
    inOrg(mirror.sandbox).updateQuietly(id, { [field]: String(code) });
    await write();
    expect(await mirror.account(id)).toMatchObject({ signup_code: code, code_state: 'confirmed' });
  });

  it('makes another code of one that Salesforce has elsewhere, and tries again', async () => {
    const id = await newAccount();
    const taken = String((await mirror.account(id))?.['signup_code']);
    inOrg(mirror.sandbox).createQuietly({ Name: 'Holder Ltd', [field]: taken });
    const [job] = await takeJobs();
    if (job === undefined) throw new Error('there is no job');
    expect(await writeBack(mirror.context, [job])).toMatchObject([
      { status: 'failed', output: { code: 'DUPLICATE_VALUE' } },
    ]);
    const row = await mirror.account(id);
    expect(row).toMatchObject({ code_state: 'pending', code_attempts: 1 });
    expect(row?.['signup_code']).not.toBe(taken);
    expect(await writeBack(mirror.context, [job])).toMatchObject([{ status: 'completed' }]);
    expect(held(id)).toBe(row?.['signup_code']);
  });

  it('gives up a duplicate at the last try, and says why', async () => {
    const id = await newAccount();
    const taken = String((await mirror.account(id))?.['signup_code']);
    inOrg(mirror.sandbox).createQuietly({ Name: 'Holder Ltd', [field]: taken });
    expect(await write(onLastTry)).toEqual(new Map([[id, 'completed']]));
    expect(await mirror.account(id)).toMatchObject({
      code_state: 'failed',
      code_error: { code: 'DUPLICATE_VALUE' },
    });
  });

  it('keeps the words of a refusal, and writes the others', async () => {
    const [refused, fine] = [await newAccount(), await newAccount()];
    await mirror.database.rows('update accounts set signup_code = $2 where id = $1', [
      refused,
      'X'.repeat(50),
    ]);
    expect(await write()).toEqual(
      new Map([
        [refused, 'completed'],
        [fine, 'completed'],
      ]),
    );
    expect(await mirror.account(refused)).toMatchObject({
      code_state: 'failed',
      code_error: { code: 'STRING_TOO_LONG', message: expect.stringContaining('data value too large') },
    });
    expect(await mirror.account(fine)).toMatchObject({ code_state: 'written' });
  });

  it('says when the account is gone, and sends the code after all when it is back', async () => {
    const id = await newAccount();
    inOrg(mirror.sandbox).deleteQuietly(id);
    expect(await write()).toEqual(new Map([[id, 'completed']]));
    expect(await mirror.account(id)).toMatchObject({
      code_state: 'failed',
      code_error: { code: 'ENTITY_IS_DELETED' },
    });
    await rereadAccounts(mirror.context, [id]);
    expect(await mirror.account(id)).toMatchObject({ deleted: true, code_state: 'failed' });
    const { org } = mirror.sandbox;
    const caller = { userId: org.named.admin.id, api: 'soap', apiVersion: '66.0', client: null } as const;
    org.transaction(caller, (tx) => tx.undelete(id), 'nothing');
    await rereadAccounts(mirror.context, [id]);
    expect(await write()).toEqual(new Map([[id, 'completed']]));
    expect(held(id)).toBe((await mirror.account(id))?.['signup_code']);
  });

  it('fails as a whole when Salesforce does not answer, and leaves the codes waiting', async () => {
    const id = await newAccount();
    const jobs = await takeJobs();
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const broken = Object.create(mirror.org.connection, {
      request: { value: () => Promise.reject(reset) },
    }) as typeof mirror.org.connection;
    await expect(writeBack({ ...mirror.context, connection: broken }, jobs)).rejects.toMatchObject({
      name: 'SalesforceError',
      code: 'ECONNRESET',
      failure: 'transient',
    });
    expect(await mirror.account(id)).toMatchObject({ code_state: 'pending', code_attempts: 0 });
  });

  it('does not undo what became known while Salesforce was asked', async () => {
    const id = await newAccount();
    const jobs = await takeJobs();
    const slow = Object.create(mirror.org.connection, {
      request: {
        value: async (request: { method?: string }) => {
          const answer = await mirror.org.connection.request(request as never);
          // The echo of the write is applied before its answer is recorded.
          if (request.method === 'PATCH') await rereadAccounts(mirror.context, [id]);
          return answer;
        },
      },
    }) as typeof mirror.org.connection;
    await writeBack({ ...mirror.context, connection: slow }, jobs);
    expect(await mirror.account(id)).toMatchObject({ code_state: 'confirmed' });
  });

  it('takes each account once, however often it is asked for', async () => {
    const id = await newAccount();
    await inTransaction(mirror.database.pool, (client) => mirror.jobs.enqueueWriteBacks(client, [id, id]));
    expect(await mirror.jobKeys(queues.writeBack)).toEqual([id]);
  });
});
