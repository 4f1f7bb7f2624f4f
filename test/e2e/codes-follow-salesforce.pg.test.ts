import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiResync, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

const field = 'SignUpCode__c';

describe('a code whose own event never came', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;

  beforeAll(async () => {
    mirror = await openMirror({ tidemark: { collectMs: 20, timing: { settleMs: 500 } } });
    writeBacks = writeBacksOf(mirror);
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  /** An account whose code is in Salesforce, while the event that says so became something else. */
  const written = async (Name: string, fate: 'lost' | 'gap'): Promise<{ id: string; code: string }> => {
    const { [fate]: fault } = mirror.simulator.faults.events;
    const id = await mirror.salesforce.create({ Name });
    const on = fault.on({ recordIds: [id], changeTypes: ['UPDATE'] });
    const { signupCode, codeState } = await mirror.accountWhen(id, 'it is written', (account) =>
      ['written', 'confirmed'].includes(account.codeState),
    );
    await mirror.until(
      'Salesforce holds it',
      async () => mirror.simulator.org.record(id)?.values[field] === signupCode,
    );
    if (fate === 'lost') expect(codeState).toBe('written');
    on.off();
    return { id, code: signupCode ?? '' };
  };
  const cleared = async (id: string, code: string): Promise<void> => {
    const account = await mirror.accountWhen(id, 'it is given up', ({ codeState }) => codeState === 'none');
    expect(account).toMatchObject({
      signupCode: null,
      codeError: { code: 'cleared', message: `The code ${code} was cleared in Salesforce.` },
    });
    await mirror.worked();
    expect(mirror.simulator.org.record(id)?.values[field]).toBeUndefined();
  };

  it('a code whose event was lost is released when an event shows that it was cleared', async () => {
    const { id, code } = await written('Lost, then cleared', 'lost');
    await mirror.salesforce.update(id, { [field]: null });
    await cleared(id, code);
  });

  it('a code whose event came as a gap is given up when it was cleared before the record was read', async () => {
    const { id, code } = await written('Gap, then cleared', 'gap');
    await mirror.salesforce.update(id, { [field]: null });
    await cleared(id, code);
  });

  /** The fields in which a comparison of one account finds a difference. */
  const compared = async (id: string): Promise<readonly string[]> => {
    const order = { scope: 'accounts', accountIds: [id], mode: 'verify' };
    const answer = await mirror.tidemark.request('POST', '/v1/resyncs', order);
    const { id: resyncId } = (await answer.json()) as { id: string };
    await mirror.until('it has compared', async () => {
      const { state } = await mirror.get<ApiResync>(`/v1/resyncs/${resyncId}`);
      return state === 'done';
    });
    type Differences = { readonly data: readonly { readonly fields: object }[] };
    const { data } = await mirror.get<Differences>(`/v1/resyncs/${resyncId}/differences`);
    return data.flatMap(({ fields }) => Object.keys(fields));
  };

  it('a comparison reports a code that Salesforce does not hold any more, and a resync gives it up', async () => {
    const { id, code } = await written('Cleared without an event', 'lost');
    mirror.changeSilently(id, { [field]: null });
    // The field is empty on both sides, since the event of the write was lost; only the code differs.
    expect(await compared(id)).toContain('signupCode');
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'accounts', accountIds: [id] });
    await cleared(id, code);
    expect(await compared(id)).toEqual([]);
  });

  it('a comparison reports nothing about a code that Salesforce holds', async () => {
    const { id } = await written('Only not confirmed', 'lost');
    await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'accounts', accountIds: [id] });
    await writeBacks.confirmed(id);
    expect(await compared(id)).not.toContain('signupCode');
  });
});
