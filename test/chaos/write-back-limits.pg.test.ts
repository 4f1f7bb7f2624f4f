import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { inOrg } from '../helpers/simulator-org.ts';
import { type ApiAccount, startTidemark } from '../helpers/tidemark.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

const field = 'SignUpCode__c';

describe('delayed write-backs', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;

  beforeAll(async () => {
    mirror = await openMirror({ tidemark: { collectMs: 20 } });
    writeBacks = writeBacksOf(mirror);
  });
  afterAll(() => mirror[Symbol.asyncDispose]());
  beforeEach(() => writeBacks.statusWhen('it runs', ({ state }) => state === 'running'));

  const change = (definition: object) =>
    mirror.simulator.org.changeField(field, {
      type: 'string',
      length: 32,
      externalId: true,
      unique: true,
      ...definition,
    });
  const pending = (id: string) =>
    mirror.accountWhen(id, 'it waits', ({ codeState }) => codeState === 'pending');

  it('an exhausted daily limit pauses the write-back, which is shown, while the mirror continues, until the window opens', async () => {
    const { allowance } = mirror.simulator;
    const { max } = allowance;
    // Less than the reserve is left: room for the salesforce client of this test, none for codes.
    allowance.set({ used: Math.ceil(max * 0.81) });
    const first = await mirror.salesforce.create({ Name: 'In front of the window' });
    const waiting = await writeBacks.statusWhen('it waits', ({ state }) => state === 'waiting');
    expect(waiting.reason).toMatchObject({ code: 'api-allowance' });
    expect(waiting.since).toEqual(expect.any(String));
    expect(waiting.api).toMatchObject({ max, reservePercent: 20 });
    expect(waiting.api.used).toBeGreaterThan(max * 0.8);
    const ids = [first, ...(await mirror.salesforce.createMany([{ Name: 'Second' }, { Name: 'Third' }]))];
    for (const id of ids) await pending(id);
    await mirror.salesforce.update(first, { Phone: 'changed meanwhile' });
    await mirror.accountWhen(
      first,
      'the mirror goes on',
      ({ fields }) => fields['Phone'] === 'changed meanwhile',
    );
    // A restart forgets neither the codes nor the wait.
    await mirror.stop();
    await mirror.startAgain();
    await writeBacks.statusWhen('it waits again', ({ state }) => state === 'waiting');
    expect(mirror.simulator.audit.codes().has(first)).toBe(false);
    allowance.refill();
    for (const id of ids) await writeBacks.confirmed(id);
    await writeBacks.statusWhen('it runs', ({ state, reason }) => state === 'running' && reason === null);
  });

  it('a request limit reached in spite of our reserve loses nothing', async () => {
    const { allowance } = mirror.simulator;
    // By another client: Tidemark learns it from the refusal.
    allowance.set({ used: allowance.max });
    const id = inOrg(mirror.simulator).create({ Name: 'Refused for today' });
    await writeBacks.statusWhen(
      'it waits',
      ({ state, reason }) => state === 'waiting' && reason?.code === 'api-allowance',
    );
    allowance.refill();
    await writeBacks.confirmed(id);
  });

  it('a refusal over the limit of requests while the org reports that most are left does not pause the write-back', async () => {
    const { fail } = mirror.simulator.faults.rest;
    fail.on({
      how: 'request-limit',
      path: '/composite/sobjects',
      method: 'PATCH',
      times: 1,
    });
    const id = await mirror.salesforce.create({ Name: 'Refused for a moment' });
    await writeBacks.confirmed(id);
    expect(fail.active()).toEqual([]);
  });

  it('an org in trouble is shown, is probed with one account, and gets its codes later', async () => {
    const trouble = mirror.simulator.faults.rest.fail.on({
      how: 'server-error',
      method: 'PATCH',
      path: '/composite/sobjects',
    });
    const ids = await mirror.salesforce.createMany(
      Array.from({ length: 60 }, (_, n) => ({ Name: `Troubled ${n}` })),
    );
    const { reason } = await writeBacks.statusWhen('it is shown', ({ state }) => state === 'waiting');
    expect(reason?.code).toBe('UNKNOWN_EXCEPTION');
    await mirror.until('a single account is tried', async () => {
      const [newest] = await mirror.sql<{ accounts: number }>(
        'select count(*)::int as accounts from write_back_attempts group by sent_at order by sent_at desc limit 1',
      );
      return newest?.accounts === 1;
    });
    trouble.off();
    for (const id of ids) await writeBacks.confirmed(id);
  });

  it.each([
    ['missing', 'field-missing', () => mirror.simulator.org.removeField(field)],
    ['too short', 'field-too-short', () => change({ length: 5 })],
    ['not writable', 'field-not-writable', () => change({ updateable: false })],
    ['not unique', 'field-not-unique', () => change({ unique: false })],
  ])(
    'a field that is %s pauses the write-back with the reason until it is repaired',
    async (what, code, spoil) => {
      await mirror.stop();
      spoil();
      await mirror.startAgain();
      const paused = await writeBacks.statusWhen('it is paused', ({ state }) => state === 'paused');
      expect(paused.reason).toMatchObject({ code, message: expect.stringContaining(`Account.${field}`) });
      const id = await mirror.salesforce.create({ Name: `Field ${what}` });
      await pending(id);
      if (code === 'field-missing') {
        mirror.simulator.org.addField({
          name: field,
          type: 'string',
          length: 32,
          unique: true,
          externalId: true,
        });
      } else change({});
      await writeBacks.confirmed(id);
    },
  );

  it('codes that were refused for the right to the field arrive automatically if the right is back before the field is checked', async () => {
    // The field was checked at the start, and is not checked again within this test.
    await mirror.stop();
    await mirror.startAgain({ timing: { codeFieldCheckIntervalMs: 600_000 } });
    await writeBacks.statusWhen('it runs', ({ state }) => state === 'running');
    change({ updateable: false });
    const id = await mirror.salesforce.create({ Name: 'The permission is missing for a moment' });
    const { error } = await mirror.until('the code is refused', async () => {
      const [last] = (await writeBacks.of(id)).history;
      return last !== undefined && last.error !== null && last;
    });
    expect(error?.code).toBe('INVALID_FIELD_FOR_INSERT_UPDATE');
    expect(await mirror.account(id)).toMatchObject({ codeState: 'pending' });
    change({});
    await writeBacks.confirmed(id);
    expect((await writeBacks.status()).writeBack).toMatchObject({ state: 'running', failures: [] });
  });

  // Last: it leaves the mirror stopped.
  it('a process that ends hands the write-back over to another one, which has sent nothing before', async () => {
    const other = await startTidemark(mirror.database.url, mirror.simulator);
    try {
      const id = await mirror.salesforce.create({ Name: 'With two processes' });
      await writeBacks.confirmed(id);
      expect((await writeBacks.of(id)).history).toHaveLength(1);
      await mirror.stop();
      const next = await mirror.salesforce.create({ Name: 'With the other process' });
      await mirror.until('the other one has written it', async () => {
        const { codeState } = await other.get<ApiAccount>(`/v1/accounts/${next}`);
        return codeState === 'confirmed';
      });
      expect(mirror.simulator.audit.codes().get(next)).toHaveLength(1);
      const { writeBack } = await other.get<{ writeBack: { state: string } }>('/v1/status');
      expect(writeBack.state).toBe('running');
    } finally {
      await other.stop();
    }
  });
});
