import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountTopic, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { openRestGate, type RestGate, type Treatment } from '../helpers/rest-gate.ts';

const answer = (status: number, errorCode: string): Treatment => ({
  kind: 'answer',
  status,
  body: JSON.stringify([{ errorCode, message: `Said so by a test: ${errorCode}` }]),
});

const failures: readonly { readonly what: string; readonly treatment: Treatment }[] = [
  { what: 'refuses the token', treatment: answer(401, 'INVALID_SESSION_ID') },
  { what: 'has no requests left for today', treatment: answer(403, 'REQUEST_LIMIT_EXCEEDED') },
  { what: 'does not find the resource', treatment: answer(404, 'NOT_FOUND') },
  { what: 'has an error of its own', treatment: answer(500, 'UNKNOWN_EXCEPTION') },
  { what: 'is too busy', treatment: answer(503, 'SERVER_UNAVAILABLE') },
  {
    what: 'answers with a page for people',
    treatment: { kind: 'answer', status: 502, body: '<html>Bad gateway</html>', type: 'text/html' },
  },
  { what: 'breaks off its JSON', treatment: { kind: 'answer', status: 200, body: '[{"success":tr' } },
  { what: 'cuts the connection', treatment: { kind: 'cut' } },
];

describe('failures of the REST API of Salesforce', () => {
  let gate: RestGate;
  let mirror: LiveMirror;

  beforeAll(async () => {
    gate = await openRestGate();
    // A write takes milliseconds, also on a busy machine: only one that is never answered runs into this.
    mirror = await openMirror({ gate, tidemark: { timing: { codeWriteTimeoutMs: 3_000 } } });
  });

  afterAll(async () => {
    await mirror[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  const write = { method: 'PATCH', path: /\/composite\/sobjects/ };
  /** Waits for the code and answers whether both sides hold the same one. */
  const confirmed = async (id: string): Promise<void> => {
    const { signupCode } = await mirror.accountWhen(
      id,
      'the code is confirmed',
      ({ codeState }) => codeState === 'confirmed',
    );
    expect((await mirror.salesforce.read(id))['SignUpCode__c']).toBe(signupCode);
    const codes = (await mirror.events(`recordId=${id}&changeType=UPDATE`)).filter(({ changedFields }) =>
      changedFields.includes('SignUpCode__c'),
    );
    expect(codes).toHaveLength(1);
  };

  it.each(failures)(
    'the same code is written again if Salesforce $what during the write',
    async ({ treatment }) => {
      const failing = gate.meet({ ...write, times: 1, treatment });
      const id = await mirror.salesforce.create({ Name: 'Written at the second try' });
      await confirmed(id);
      expect(failing.met).toBe(1);
    },
  );

  it('a write whose answer is lost ends with one code', async () => {
    const failing = gate.meet({ ...write, times: 1, treatment: { kind: 'cut after' } });
    const id = await mirror.salesforce.create({ Name: 'Written unknowingly' });
    await confirmed(id);
    expect(failing.met).toBe(1);
  });

  it.each(failures)(
    'an account is read again if Salesforce $what during the read',
    async ({ what, treatment }) => {
      const [id = ''] = mirror.accountIds();
      const failing = gate.meet({ path: /\/queryAll/, times: 1, treatment });
      mirror.inGaps((tx) => tx.update(id, { Site: what }));
      await mirror.accountWhen(id, 'it is read', ({ fields, stale }) => fields['Site'] === what && !stale);
      await mirror.healed();
      expect(failing.met).toBe(1);
    },
  );

  it('a query lost in the middle of its pages starts again', async () => {
    const failing = gate.meet({
      path: /\/queryAll/,
      times: 1,
      treatment: {
        kind: 'answer',
        status: 200,
        body: JSON.stringify({
          totalSize: 2_100,
          done: false,
          records: [],
          nextRecordsUrl: '/services/data/v66.0/query/0r8-2000',
        }),
      },
    });
    const [id = ''] = mirror.accountIds();
    mirror.changeSilently(id, { Site: 'on a lost page' });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    await mirror.accountWhen(id, 'it is read', ({ fields }) => fields['Site'] === 'on a lost page');
    expect(failing.met).toBe(1);
  });

  it('a call that is never answered times out', async () => {
    const failing = gate.meet({ ...write, times: 1, treatment: { kind: 'swallow' } });
    const id = await mirror.salesforce.create({ Name: 'Written in vain at first' });
    await confirmed(id);
    expect(failing.met).toBe(1);
  });

  it('one refused record of many is stored with its reason and the others are written', async () => {
    const made = mirror.inOneTransaction((tx) =>
      ['one', 'two', 'three'].map((name) => tx.insert({ Name: name })),
    );
    const ids = made.map((result) => (result.success ? result.id : ''));
    const [, refused = ''] = ids;
    // Gone before the code arrives, and no event tells of it.
    mirror.silently((tx) => tx.delete(refused));
    for (const id of ids.filter((each) => each !== refused)) await confirmed(id);
    const { codeState, codeError } = await mirror.accountWhen(
      refused,
      'the refusal is stored',
      (account) => account.codeState === 'failed',
    );
    expect([codeState, codeError?.code]).toEqual(['failed', 'ENTITY_IS_DELETED']);
  });

  it('a failing REST API does not affect the event stream', async () => {
    const failing = gate.meet({ path: /.*/, treatment: answer(503, 'SERVER_UNAVAILABLE') });
    const [id = ''] = mirror.accountIds();
    await mirror.salesforce.update(id, { Phone: 'without REST' });
    await mirror.accountWhen(id, 'the event is applied', ({ fields }) => fields['Phone'] === 'without REST');
    expect((await mirror.status()).subscription).toMatchObject({ state: 'streaming', lastError: null });
    failing.release();
  });
});

describe('repairs', () => {
  let gate: RestGate;
  let mirror: LiveMirror;

  beforeAll(async () => {
    gate = await openRestGate();
    // Longer than a test waits: nothing here may depend on the next poll of a queue.
    mirror = await openMirror({ gate, tidemark: { timing: { jobPollIntervalMs: 300_000 } } });
  });

  afterAll(async () => {
    await mirror[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
  });

  it('a queue with several jobs is worked off without waiting for its next poll', async () => {
    const held = gate.meet({ path: /\/queryAll/, times: 1, treatment: { kind: 'hold' } });
    const order = (id: string) => mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    const [first = '', ...others] = mirror.accountIds();
    await order(first);
    await mirror.until('the first read waits', async () => held.met > 0);
    for (const id of others) await order(id);
    held.release();
    await mirror.healed();
    const read = (await mirror.resyncs()).filter(({ reason }) => reason === 'manual');
    expect(read).toHaveLength(mirror.accountIds().length);
  });

  it.each([
    ['of what changed', /\/queryAll\?\S*COUNT/],
    ['of all accounts', /\/query\?\S*COUNT\(\)/],
  ])('a repair goes on if the count %s is refused once', async (_, path) => {
    const schemaId = mirror.simulator.bus.topic(accountTopic)?.schemaId() ?? '';
    const payload = Buffer.from([0xff]);
    const failing = gate.meet({ path, times: 1, treatment: answer(400, 'MALFORMED_QUERY') });
    const before = (await mirror.resyncs()).length;
    mirror.simulator.bus.publishRaw(accountTopic, { id: randomUUID(), schemaId, payload });
    await mirror.until('the repair is requested', async () => (await mirror.resyncs()).length > before);
    await mirror.healed();
    expect(failing.met).toBe(1);
  });

  // Last: the failed read stays in the mirror, which is never healed again.
  it('a read that fails permanently is shown with its reason', async () => {
    const [id = ''] = mirror.accountIds();
    gate.meet({ path: /\/queryAll/, treatment: answer(403, 'INSUFFICIENT_ACCESS') });
    await mirror.tidemark.request('POST', `/v1/accounts/${id}/resync`);
    const resync = await mirror.until('the reason is shown', async () =>
      (await mirror.resyncs()).find(({ error }) => error !== null),
    );
    expect(resync).toMatchObject({
      reason: 'manual',
      state: 'failed',
      error: expect.stringContaining('INSUFFICIENT_ACCESS'),
    });
  });
});
