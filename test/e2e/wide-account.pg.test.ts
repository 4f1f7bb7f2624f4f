import { manyFields } from 'salesforce-simulator/org/many-fields.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';

type Resync = {
  readonly id: string;
  readonly state: string;
  readonly method: string | null;
  readonly read: number;
  readonly verification: { readonly different: number } | null;
  readonly error: string | null;
};

const fields = manyFields(800).map(({ name }) => name);
// Text fields at both ends; the second lies beyond the 512th field of an event.
const [first = '', last = ''] = [fields[0], fields[791]];

describe('an org whose Account has 800 custom fields', () => {
  let mirror: LiveMirror;

  // The first load is done by queries when this returns.
  beforeAll(async () => {
    mirror = await openMirror({
      simulator: { accounts: 40, customFields: fields.length },
      tidemark: { indexedFields: [last], timing: { settleMs: 200 } },
      build: { buildApp, patienceMs: 60_000 },
    });
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  const create = (Name: string) => mirror.salesforce.create({ Name, [first]: 'one', [last]: 'end' });
  const mirrored = (id: string) =>
    mirror.accountWhen(id, `${id} is mirrored`, ({ fields: values }) => values[last] === 'end');
  const resync = async (order: object): Promise<Resync> => {
    const answer = await mirror.tidemark.request('POST', '/v1/resyncs', order);
    const { id } = (await answer.json()) as Resync;
    return mirror.until('the resync has ended', async () => {
      const now = await mirror.get<Resync>(`/v1/resyncs/${id}`);
      return ['done', 'failed'].includes(now.state) && now;
    });
  };

  it('the wide org is loaded by queries whose URLs do not grow with the fields', async () => {
    const [initial] = (await mirror.get<{ data: Resync[] }>('/v1/resyncs')).data;
    expect(initial).toMatchObject({ state: 'done', method: 'rest', error: null });
  });

  it('changes of any field of a wide account are mirrored', async () => {
    const id = await create('Event Ltd');
    expect((await mirrored(id)).fields).toMatchObject({ [first]: 'one', [last]: 'end' });
    await mirror.salesforce.update(id, { [last]: 'changed' });
    await mirror.accountWhen(id, 'the change is mirrored', ({ fields: now }) => now[last] === 'changed');
  });

  it('a wide account is read again by its id, also after it was deleted', async () => {
    const [here, gone] = [await create('Here Ltd'), await create('Gone Ltd')];
    await Promise.all([mirrored(here), mirrored(gone)]);
    mirror.changeSilently(here, { [last]: 'changed in silence' });
    mirror.silently((tx) => tx.delete(gone));
    expect(await resync({ scope: 'accounts', accountIds: [here, gone] })).toMatchObject({ state: 'done' });
    expect((await mirror.account(here)).fields[last]).toBe('changed in silence');
    expect(await mirror.account(gone)).toMatchObject({
      deletedAt: expect.any(String),
      fields: { [first]: 'one', [last]: 'end' },
    });
  });

  it('wide accounts can be filtered by one of the last fields', async () => {
    const id = await create('Filter Ltd');
    await mirrored(id);
    const query = `/v1/accounts?fields.${last}=end&name=Filter Ltd`;
    const { data } = await mirror.get<{ data: { id: string }[] }>(query);
    expect(data.map((account) => account.id)).toEqual([id]);
  });

  it('a verification of wide accounts finds a difference in one of the last fields', async () => {
    const id = await create('Verify Ltd');
    await mirrored(id);
    await mirror.worked();
    const verify = { scope: 'all', mode: 'verify' };
    expect((await resync(verify)).verification).toMatchObject({ different: 0 });
    await mirror.sql(
      `update accounts set fields = jsonb_set(fields, array[$1::text], '"damaged"') where id = $2`,
      [last, id],
    );
    expect((await resync(verify)).verification).toMatchObject({ different: 1, byField: { [last]: 1 } });
    await resync({ scope: 'all', mode: 'repair' });
    expect((await mirror.account(id)).fields[last]).toBe('end');
  });

  it('the wide org is loaded by a bulk job with the query in the body', async () => {
    const id = await create('Bulk Ltd');
    await mirrored(id);
    await mirror.stop();
    await mirror.sql(removeAccounts);
    await mirror.startAgain({ bulkFrom: 1 });
    expect(await resync({ scope: 'all', mode: 'repair' })).toMatchObject({ state: 'done', method: 'bulk' });
    expect((await mirror.account(id)).fields).toMatchObject({ [first]: 'one', [last]: 'end' });
  });
});
