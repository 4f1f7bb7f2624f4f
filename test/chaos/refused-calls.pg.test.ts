import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

const readOnlyCode = 'INSERT_UPDATE_DELETE_NOT_ALLOWED_DURING_MAINTENANCE';

type LogLine = {
  readonly level: number;
  readonly msg: string;
  readonly codes?: number;
  readonly causes?: unknown;
};

describe('a call that is refused for every record', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;
  const lines: LogLine[] = [];

  beforeAll(async () => {
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    const retryPolicy = { maxTries: 20, firstPauseMs: 20, maxPauseMs: 200 };
    mirror = await openMirror({ tidemark: { logger, collectMs: 20, retryPolicy } });
    writeBacks = writeBacksOf(mirror);
  });
  afterAll(() => mirror[Symbol.asyncDispose]());
  beforeEach(async () => {
    mirror.simulator.faults.clearAll();
    await mirror.worked();
    lines.length = 0;
  });

  const createMany = (count: number, Name: string) =>
    mirror.salesforce.createMany(Array.from({ length: count }, (_, n) => ({ Name: `${Name} ${n}` })));
  const outcomes = async (ids: readonly string[]) =>
    mirror.sql<{ outcome: string; accounts: number }>(
      `select outcome, count(distinct account_id)::int as accounts from write_back_attempts
        where account_id = any($1) group by outcome order by outcome`,
      [ids],
    );
  /** Accounts in each call, in the order of the calls. */
  const sizes = async (ids: readonly string[]): Promise<number[]> => {
    const rows = await mirror.sql<{ size: number }>(
      'select count(*)::int as size from write_back_attempts where account_id = any($1) group by sent_at order by sent_at',
      [ids],
    );
    return rows.map(({ size }) => size);
  };
  const logged = (part: string): LogLine[] => lines.filter(({ msg }) => msg.includes(part));

  it('a limit of the org that a large batch exceeds makes batches smaller, and no code fails', async () => {
    mirror.simulator.faults.records.trigger.on({ maxRecords: 20, client: 'Tidemark' });
    const ids = await createMany(100, 'Limited');
    for (const id of ids) await writeBacks.confirmed(id);
    expect((await outcomes(ids)).map(({ outcome }) => outcome)).not.toContain('failed');
    // What was too much is remembered: the next batch begins with a size that is known to be good.
    const more = await createMany(60, 'Limited too');
    for (const id of more) await writeBacks.confirmed(id);
    expect(Math.max(...(await sizes(more)))).toBeLessThanOrEqual(25);
  });

  it('one account that spoils every call is found alone, and the others get their codes', async () => {
    const cause = 'System.NullPointerException: Attempt to de-reference a null object';
    mirror.simulator.faults.records.trigger.on({ namePattern: '^Poison', cause, client: 'Tidemark' });
    const ids = await mirror.salesforce.createMany([
      ...Array.from({ length: 30 }, (_, n) => ({ Name: `Beside poison ${n}` })),
      { Name: 'Poison Ltd' },
      ...Array.from({ length: 30 }, (_, n) => ({ Name: `Behind poison ${n}` })),
    ]);
    const [poison = ''] = ids.splice(30, 1);
    for (const id of ids) await writeBacks.confirmed(id);
    const { error } = await writeBacks.failed(poison);
    expect(error).toMatchObject({ code: 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY' });
    const [last] = await mirror.sql<{ size: number }>(
      `select count(*)::int as size from write_back_attempts
        where sent_at = (select max(sent_at) from write_back_attempts where account_id = $1)`,
      [poison],
    );
    expect(last?.size).toBe(1);
    // An operator's retry is no different.
    mirror.simulator.faults.clearAll();
    expect((await mirror.tidemark.request('POST', `/v1/write-backs/${poison}/retry`)).status).toBe(202);
    await writeBacks.confirmed(poison);
  });

  it('codes that failed in a batch long ago are retried in batches that shrink like any other', async () => {
    const ids = await createMany(60, 'Failed long ago');
    for (const id of ids) await writeBacks.confirmed(id);
    // As an earlier version left them: failed together, never alone.
    mirror.silently((tx) => ids.map((id) => tx.update(id, { SignUpCode__c: null })));
    await mirror.sql(
      `update accounts set code_state = 'failed', code_error = '{"code":"CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY","message":"CPU"}',
                           salesforce_code = null, fields = fields - 'SignUpCode__c'
        where id = any($1)`,
      [ids],
    );
    mirror.simulator.faults.records.trigger.on({ maxRecords: 7, client: 'Tidemark' });
    const errorCode = 'CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY';
    const answer = await mirror.tidemark.request('POST', '/v1/write-backs/retry', { errorCode });
    expect([answer.status, await answer.json()]).toEqual([202, { retried: 60 }]);
    for (const id of ids) await writeBacks.confirmed(id);
    expect((await outcomes(ids)).map(({ outcome }) => outcome)).not.toContain('failed');
  });

  it('a rule that refuses every code is logged as a warning with the count, the code and the words', async () => {
    mirror.simulator.faults.records.refused.on({
      errorCode: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      client: 'Tidemark',
    });
    const ids = await createMany(3, 'Refused by a rule');
    for (const id of ids) await writeBacks.failed(id);
    const message = 'A validation rule of the simulator refuses this record';
    await mirror.until('it is logged', async () => logged('refused by Salesforce').length > 0);
    const [line] = logged('refused by Salesforce');
    expect(line).toMatchObject({
      level: 40,
      msg: 'signup codes refused by Salesforce',
      action: expect.stringContaining('POST /v1/write-backs/retry'),
    });
    const counted = logged('refused by Salesforce').reduce((sum, { codes = 0 }) => sum + codes, 0);
    expect(counted).toBe(3);
    expect(line?.causes).toMatchObject([{ code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION', message }]);
    expect(logged('signup codes written')).toEqual([]);
    const { writeBack } = await writeBacks.status();
    expect(writeBack.failures).toContainEqual({
      code: 'FIELD_CUSTOM_VALIDATION_EXCEPTION',
      count: 3,
      message,
    });
  });

  it('a read-only window of the org is a pause with its reason, and no code fails however long it lasts', async () => {
    const window = mirror.simulator.faults.records.readOnly.on({ client: 'Tidemark' });
    const ids = await createMany(30, 'In the window');
    const held = await writeBacks.statusWhen('it waits', ({ state }) => state === 'waiting');
    expect(held.reason).toMatchObject({
      code: readOnlyCode,
      message: expect.stringContaining('during maintenance'),
    });
    // More probes than a busy record would have tries.
    await mirror.until('it was tried often', async () => (await sizes(ids)).length > 25);
    expect((await sizes(ids)).slice(1)).toEqual((await sizes(ids)).slice(1).map(() => 1));
    const still = await writeBacks.statusWhen('it waits', ({ state }) => state === 'waiting');
    expect(still.since).toBe(held.since);
    expect(logged('write-back waiting')).toHaveLength(1);
    window.off();
    for (const id of ids) await writeBacks.confirmed(id);
    await writeBacks.statusWhen('it runs', ({ state, reason }) => state === 'running' && reason === null);
    expect(logged('write-back resumed')).toHaveLength(1);
    expect((await outcomes(ids)).map(({ outcome }) => outcome)).not.toContain('failed');
  });

  it('refusals of every account because of a missing permission pause the whole write-back', async () => {
    const errorCode = 'INSUFFICIENT_ACCESS_OR_READONLY';
    const window = mirror.simulator.faults.records.readOnly.on({ errorCode, client: 'Tidemark' });
    const ids = await createMany(3, 'Nobody may');
    const held = await writeBacks.statusWhen('it is paused', ({ state }) => state === 'paused');
    expect(held.reason).toMatchObject({ code: errorCode, message: expect.stringContaining('read-only') });
    window.off();
    for (const id of ids) await writeBacks.confirmed(id);
    expect((await outcomes(ids)).map(({ outcome }) => outcome)).not.toContain('failed');
  });

  it('a refusal because of a missing permission concerns the record if others are accepted in the same call or later', async () => {
    const errorCode = 'INSUFFICIENT_ACCESS_OR_READONLY';
    mirror.simulator.faults.records.refused.on({ errorCode, namePattern: '^Not ours', client: 'Tidemark' });
    const [beside = ''] = await mirror.salesforce.createMany([{ Name: 'Not ours 1' }, { Name: 'Ours 1' }]);
    const alone = await mirror.salesforce.create({ Name: 'Not ours 2' });
    await mirror.accountWhen(alone, 'it was refused', ({ codeError }) => codeError?.code === errorCode);
    await writeBacks.confirmed(await mirror.salesforce.create({ Name: 'Ours 2' }));
    for (const id of [beside, alone]) expect((await writeBacks.failed(id)).error?.code).toBe(errorCode);
  });

  it('no account has ever been written a second code', () => {
    const twice = [...mirror.simulator.audit.codes()].filter(([, codes]) => new Set(codes).size > 1);
    expect(twice).toEqual([]);
  });
});
