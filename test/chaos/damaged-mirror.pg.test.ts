import { expect, it } from 'vitest';
import { openMirror, sound } from '../helpers/live-mirror.ts';

type Verification = {
  readonly different: number;
  readonly compared: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly byField: Readonly<Record<string, number>>;
  readonly examples: readonly { readonly kind: string }[];
};

it('a verification finds exactly ten thousand damaged rows and a repair corrects exactly those', async () => {
  await using mirror = await openMirror({
    build: { ...sound, patienceMs: 80_000 },
    simulator: { accounts: 12_000 },
    tidemark: { bulkFrom: 1, timing: { settleMs: 2_000 } },
  });
  const resync = async (mode: string, wanted = 'done') => {
    const answer = await mirror.tidemark.request('POST', '/v1/resyncs', { scope: 'all', mode });
    const location = new URL(answer.headers.get('location') ?? '', answer.url).pathname;
    return mirror.until(`the ${mode} is done`, async () => {
      const row = await mirror.get<{ id: string; state: string; verification: Verification | null }>(
        location,
      );
      return row.state === wanted && row;
    });
  };
  const ids = mirror.accountIds().sort();
  const slice = (from: number, count: number) => ids.slice(from, from + count);
  const [first = ''] = ids;
  // Some of them already had codes.
  for (const id of slice(9_500, 500))
    mirror.changeSilently(id, { SignUpCode__c: `given-${id.slice(9, 15)}` });
  await resync('repair');
  const state = () =>
    mirror.sql<{ id: string; row: string }>(
      `select id, md5(concat_ws('|', fields, name, account_number, salesforce_code, deleted, signup_code, code_state)) as row
         from accounts where id <> all($1) order by id`,
      [invented],
    );
  const invented = Array.from({ length: 1_000 }, (_, n) => `0019${String(n).padStart(11, '0')}AAA`);
  const before = await state();
  await mirror.sql(`update accounts set fields = fields || '{"Phone": "000"}' where id = any($1)`, [
    slice(0, 4_000),
  ]);
  await mirror.sql(
    `update accounts set name = 'Wrong', fields = fields || '{"Name": "Wrong"}' where id = any($1)`,
    [slice(4_000, 2_500)],
  );
  await mirror.sql('delete from accounts where id = any($1)', [slice(7_000, 2_000)]);
  await mirror.sql(`update accounts set signup_code = null, code_state = 'none' where id = any($1)`, [
    slice(9_500, 500),
  ]);
  await mirror.sql(
    `insert into accounts (id, fields, base_version, field_versions, version, synced_at, changed_at)
     select i, fields, base_version, field_versions, version, now(), now()
       from accounts cross join unnest($1::text[]) i where id = $2`,
    [invented, first],
  );
  const found = (await resync('verify')).verification;
  expect(found).toMatchObject({
    different: 10_000,
    byKind: { fields: 7_000, missing: 2_000, extra: 0, notVisible: 1_000 },
    byField: { Phone: 4_000, Name: 2_500, signupCode: 500 },
  });
  expect(found?.examples.length).toBe(20);
  expect(await state()).not.toEqual(before);
  const { id } = await resync('repair', 'needs-confirmation');
  expect(await state()).toEqual(before);
  await mirror.tidemark.request('POST', `/v1/resyncs/${id}/confirm`);
  await mirror.until(
    'the confirmed repair is done',
    async () => (await mirror.get<{ state: string }>(`/v1/resyncs/${id}`)).state === 'done',
  );
  expect(await state()).toEqual(before);
  const [gone] = await mirror.sql<{ count: number }>(
    'select count(*)::int as count from accounts where id = any($1) and deleted',
    [invented],
  );
  expect(gone?.count).toBe(1_000);
  expect((await resync('verify')).verification).toMatchObject({
    different: 0,
    byKind: { fields: 0, missing: 0, extra: 0, notVisible: 0 },
  });
}, 300_000);
