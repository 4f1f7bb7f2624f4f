import { describe, expect, it } from 'vitest';
import { inTransaction } from '../../src/db/database.ts';
import { queues } from '../../src/db/jobs.ts';
import { rereadAccounts } from '../../src/resync/run-resync.ts';
import { defaultTiming } from '../../src/timing.ts';
import { assignCode } from '../../src/write-back/assign-code.ts';
import type { BatchContext } from '../../src/write-back/context.ts';
import { noAccessRefusals } from '../../src/write-back/judge-call.ts';
import { defaultRetryPolicy } from '../../src/write-back/judge-result.ts';
import { type DueCode, readDueCodes } from '../../src/write-back/waiting-codes.ts';
import { writeBatch } from '../../src/write-back/write-batch.ts';
import { useMirrorOfSimulator } from '../helpers/mirror-of-simulator.ts';
import { inOrg } from '../helpers/simulator-org.ts';

const field = 'SignUpCode__c';

describe('writes of codes to Salesforce', () => {
  const mirror = useMirrorOfSimulator();

  /** An account that is new on both sides: the mirror has a code for it and a job to write it. */
  const newAccount = async (Name = 'New Ltd'): Promise<string> => {
    const id = inOrg(mirror.simulator).createQuietly({ Name });
    await rereadAccounts(mirror.context, [id]);
    return id;
  };
  const context = (): BatchContext => ({
    ...mirror.context,
    retryPolicy: defaultRetryPolicy,
    timing: defaultTiming,
  });
  const due = async () => (await readDueCodes(mirror.database.pool, mirror.context.topic, 200)).codes;
  const waiting = {
    signal: new AbortController().signal,
    isLockConfirmed: () => true,
    onWait: async () => {},
    evidence: { accessRefusals: noAccessRefusals, othersSucceededSince: () => false },
  };
  /** Writes the due codes. @returns the outcomes by account */
  const write = async (given: Partial<BatchContext> = {}, batch?: readonly DueCode[]) => {
    const { outcomes } = await writeBatch({ ...context(), ...given }, batch ?? (await due()), waiting);
    return new Map(outcomes.map(({ id, outcome }) => [id, outcome]));
  };
  const outcomes = async (id: string) => {
    const rows = await mirror.database.rows(
      'select code, outcome from write_back_attempts where account_id = $1 order by id',
      [id],
    );
    return rows.map((row) => row['outcome']);
  };
  const held = (id: string) => mirror.simulator.org.record(id)?.values[field];

  it('a written code is the same on both sides and the attempt is recorded', async () => {
    const ids = [await newAccount(), await newAccount()];
    expect(await write()).toEqual(new Map(ids.map((id) => [id, 'written'])));
    for (const id of ids) {
      const row = await mirror.account(id);
      expect(row).toMatchObject({ code_state: 'written', code_error: null, code_attempts: 1 });
      expect(held(id)).toBe(row?.['signup_code']);
      expect(await outcomes(id)).toEqual(['written']);
    }
  });

  it('a written code is not written again', async () => {
    const id = await newAccount();
    const batch = await due();
    await write({}, batch);
    expect(await write({}, batch)).toEqual(new Map());
    expect(await outcomes(id)).toEqual(['written', 'held']);
    expect(mirror.simulator.audit.entries({ client: 'Tidemark', recordId: id })).toHaveLength(1);
  });

  it('nothing is sent by a process that was paused so long that another one may write', async () => {
    const id = await newAccount();
    const late = { ...waiting, isLockConfirmed: () => false };
    expect(await writeBatch(context(), await due(), late)).toEqual({ outcomes: [], call: null });
    expect(mirror.simulator.audit.entries({ client: 'Tidemark', recordId: id })).toEqual([]);
    expect(await outcomes(id)).toEqual(['unanswered']);
    expect(await write()).toEqual(new Map([[id, 'written']]));
  });

  it('a code that Salesforce already has is adopted and nothing is overwritten', async () => {
    const id = await newAccount();
    inOrg(mirror.simulator).updateQuietly(id, { [field]: 'THEIRS' });
    await write();
    expect(held(id)).toBe('THEIRS');
    expect(await mirror.account(id)).toMatchObject({ signup_code: 'THEIRS', code_state: 'confirmed' });
    expect(await outcomes(id)).toEqual(['held']);
  });

  it('a code is confirmed when the response to an earlier attempt was lost', async () => {
    const id = await newAccount();
    const code = (await mirror.account(id))?.['pending_signup_code'];
    inOrg(mirror.simulator).updateQuietly(id, { [field]: String(code) });
    await write();
    expect(await mirror.account(id)).toMatchObject({ signup_code: code, code_state: 'confirmed' });
  });

  it('a code that Salesforce has elsewhere is generated again at most three times and all are kept', async () => {
    const [id, other] = [await newAccount(), await newAccount()];
    const refused = mirror.simulator.faults.records.refused;
    refused.on({ errorCode: 'DUPLICATE_VALUE', recordIds: [id], field });
    for (let refusal = 1; refusal <= 4; refusal++) expect((await write()).get(id)).toBe('taken');
    expect(await mirror.account(id)).toMatchObject({
      code_state: 'failed',
      code_error: { code: 'DUPLICATE_VALUE' },
    });
    const codes = await mirror.database.rows<{ code: string }>(
      'select code from write_back_attempts where account_id = $1',
      [id],
    );
    expect(new Set(codes.map(({ code }) => code)).size).toBe(4);
    expect(await mirror.account(other)).toMatchObject({ code_state: 'written' });
  });

  it('a locked row is retried with growing delays and fails after the last attempt', async () => {
    const id = await newAccount();
    mirror.simulator.faults.records.refused.on({ errorCode: 'UNABLE_TO_LOCK_ROW', recordIds: [id], field });
    const retryPolicy = { ...defaultRetryPolicy, maxTries: 3 };
    expect((await write({ retryPolicy })).get(id)).toBe('again');
    expect(await mirror.account(id)).toMatchObject({ code_state: 'pending', code_tries: 1 });
    expect(
      await mirror.database.rows('select from accounts where code_due_at > code_attempted_at'),
    ).toHaveLength(1);
    const retryNow = () => mirror.database.rows(`update accounts set code_due_at = 'epoch'`);
    await retryNow();
    expect((await write({ retryPolicy })).get(id)).toBe('again');
    await retryNow();
    expect((await write({ retryPolicy })).get(id)).toBe('failed');
    expect(await mirror.account(id)).toMatchObject({
      code_state: 'failed',
      code_error: { code: 'UNABLE_TO_LOCK_ROW' },
    });
  });

  it('a refusal is stored with its message and the other codes are written', async () => {
    const [refused, fine] = [await newAccount(), await newAccount()];
    await mirror.database.rows('update accounts set signup_code = $2 where id = $1', [
      refused,
      'X'.repeat(50),
    ]);
    expect(await write()).toEqual(
      new Map([
        [refused, 'failed'],
        [fine, 'written'],
      ]),
    );
    expect(await mirror.account(refused)).toMatchObject({
      code_state: 'failed',
      code_error: {
        code: 'STRING_TOO_LONG',
        message: expect.stringContaining('data value too large'),
        fields: [field],
      },
    });
    expect(await mirror.account(fine)).toMatchObject({ code_state: 'written' });
  });

  it('a missing account is reported and read, and its code is sent when it is back', async () => {
    const id = await newAccount();
    inOrg(mirror.simulator).deleteQuietly(id);
    expect(await write()).toEqual(new Map([[id, 'gone']]));
    expect(await mirror.account(id)).toMatchObject({
      code_state: 'failed',
      code_error: { code: 'ENTITY_IS_DELETED' },
    });
    expect(await mirror.jobKeys(queues.reread)).toEqual([id]);
    await rereadAccounts(mirror.context, [id]);
    expect(await mirror.account(id)).toMatchObject({ deleted: true, code_state: 'failed' });
    const { org } = mirror.simulator;
    const caller = { userId: org.named.admin.id, api: 'soap', apiVersion: '66.0', client: null } as const;
    org.transaction(caller, (tx) => tx.undelete(id), 'nothing');
    await rereadAccounts(mirror.context, [id]);
    expect(await write()).toEqual(new Map([[id, 'written']]));
    expect(held(id)).toBe((await mirror.account(id))?.['signup_code']);
  });

  it('a code replaced on request is overwritten and no other one is', async () => {
    const [replaced, changed] = [await newAccount(), await newAccount()];
    await write();
    await rereadAccounts(mirror.context, [replaced, changed]);
    const old = held(replaced);
    for (const accountId of [replaced, changed]) {
      const order = { accountId, regenerate: true, requestedBy: 'test' };
      await inTransaction(mirror.database.pool, (client) =>
        assignCode(client, mirror.context.codes.generate, order),
      );
    }
    inOrg(mirror.simulator).updateQuietly(changed, { [field]: 'BY-HAND' });
    expect(await write()).toEqual(new Map([[replaced, 'written']]));
    await rereadAccounts(mirror.context, [replaced]);
    const row = await mirror.account(replaced);
    expect(row).toMatchObject({ signup_code: held(replaced), code_state: 'confirmed', code_replaces: [] });
    expect(row?.['signup_code']).not.toBe(old);
    expect(await outcomes(replaced)).toEqual(['written', 'replaced', 'written']);
    expect(held(changed)).toBe('BY-HAND');
    expect(await mirror.account(changed)).toMatchObject({ signup_code: 'BY-HAND', code_state: 'confirmed' });
  });

  it('a call without a response fails as a whole and the codes stay pending', async () => {
    const id = await newAccount();
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    const { connection } = mirror.org;
    const broken = Object.create(connection, {
      request: {
        value: (request: { method?: string }, options: object) =>
          request.method === 'PATCH' ? Promise.reject(reset) : connection.request(request as never, options),
      },
    }) as typeof connection;
    await expect(write({ org: { ...mirror.org, connection: broken } })).rejects.toMatchObject({
      name: 'SalesforceError',
      code: 'ECONNRESET',
      failure: 'transient',
    });
    expect(await mirror.account(id)).toMatchObject({ code_state: 'pending', code_tries: 0 });
    expect(await outcomes(id)).toEqual(['unanswered']);
  });

  it('a write does not undo what became known during the call', async () => {
    const id = await newAccount();
    const { connection } = mirror.org;
    const slow = Object.create(connection, {
      request: {
        value: async (request: { method?: string }, options: object) => {
          const answer = await connection.request(request as never, options);
          // The change event of the write is applied before its response is recorded.
          if (request.method === 'PATCH') await rereadAccounts(mirror.context, [id]);
          return answer;
        },
      },
    }) as typeof connection;
    await write({ org: { ...mirror.org, connection: slow } });
    expect(await mirror.account(id)).toMatchObject({ code_state: 'confirmed' });
  });

  it('the mirror gives up a code that was cleared before anything showed it, when a later read shows the empty field', async () => {
    const id = await newAccount();
    await write();
    const code = String(held(id));
    inOrg(mirror.simulator).updateQuietly(id, { [field]: null });
    await rereadAccounts(mirror.context, [id]);
    expect(await mirror.account(id)).toMatchObject({
      signup_code: null,
      code_state: 'none',
      code_error: { code: 'cleared', message: expect.stringContaining(code) },
    });
    expect(await due()).toEqual([]);
  });

  it('a code that was cleared before anything showed it is written again, the same one, if so configured', async () => {
    const id = await newAccount();
    await write();
    const code = held(id);
    inOrg(mirror.simulator).updateQuietly(id, { [field]: null });
    const restoring = { ...mirror.context, codes: { ...mirror.context.codes, restore: true } };
    await rereadAccounts(restoring, [id]);
    expect(await write()).toEqual(new Map([[id, 'written']]));
    expect(held(id)).toBe(code);
  });

  it('a written code is kept when a read that was sent before the response shows an empty field', async () => {
    const id = await newAccount();
    await write();
    // As if the response had arrived a minute after the read below.
    await mirror.database.rows(`update accounts set code_written_at = now() + interval '1 minute'`);
    inOrg(mirror.simulator).updateQuietly(id, { [field]: null });
    await rereadAccounts(mirror.context, [id]);
    expect(await mirror.account(id)).toMatchObject({ code_state: 'written', code_error: null });
  });

  it('a code is not called written when the stream has shown by then that it was cleared', async () => {
    const id = await newAccount();
    const { connection } = mirror.org;
    const slow = Object.create(connection, {
      request: {
        value: async (request: { method?: string }, options: object) => {
          const answer = await connection.request(request as never, options);
          if (request.method !== 'PATCH') return answer;
          // The event of the write was lost; the event of the clearing is applied before the response is recorded.
          const version = '4102444800000.1.1.0';
          await mirror.database.rows(
            'update accounts set field_versions = field_versions || jsonb_build_object($2::text, $3::text) where id = $1',
            [id, field, version],
          );
          return answer;
        },
      },
    }) as typeof connection;
    await write({ org: { ...mirror.org, connection: slow } });
    expect(await mirror.account(id)).toMatchObject({ code_state: 'none', code_error: { code: 'cleared' } });
  });
});
