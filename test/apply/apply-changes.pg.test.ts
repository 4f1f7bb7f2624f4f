import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { applyChanges, applyParts } from '../../src/apply/apply-changes.ts';
import type { AccountChange, ApplyResult } from '../../src/apply/plan-patch.ts';
import { codeRules } from '../../src/codes/code-rules.ts';
import { lockAccountWrites } from '../../src/db/advisory-locks.ts';
import { inTransaction } from '../../src/db/database.ts';
import type { Scalar } from '../../src/salesforce/change-event.ts';
import { runs } from '../helpers/property.ts';
import { useDatabase } from '../helpers/use-database.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';

const codeField = 'SignUpCode__c';
const a = '001000000000001AAA';
const b = '001000000000002AAA';

type Values = Readonly<Record<string, Scalar>>;
const change = (
  accountId: string,
  second: number,
  given: Partial<AccountChange['change']>,
): AccountChange => ({
  accountId,
  change: { version: [second * 1000, 1n, 1, 0], kind: 'patch', values: new Map(), ...given },
  eligible: false,
  gap: false,
});
const created = (id: string, second: number, values: Values): AccountChange => ({
  ...change(id, second, {
    kind: 'snapshot',
    values: new Map(Object.entries({ IsDeleted: false, ...values })),
  }),
  eligible: true,
});
const existed = (id: string, second: number, values: Values): AccountChange => ({
  ...created(id, second, values),
  eligible: false,
});
const updated = (id: string, second: number, values: Values): AccountChange =>
  change(id, second, { values: new Map(Object.entries(values)) });
const deleted = (id: string, second: number): AccountChange => updated(id, second, { IsDeleted: true });
const gap = (id: string, second: number): AccountChange => ({ ...change(id, second, {}), gap: true });

describe('changes applied to the mirror', () => {
  const database = useDatabase();

  beforeEach(() => database.rows(removeAccounts));

  const apply = (...changes: AccountChange[]): Promise<ApplyResult> =>
    inTransaction(database.pool, async (client) => {
      await lockAccountWrites(client);
      return applyChanges(client, changes, codeRules({ field: codeField }));
    });
  const row = async (id = a) => {
    const [found] = await database.rows('select * from accounts where id = $1', [id]);
    return found;
  };

  const ids = [a, b, '001000000000003AAA'];
  const text = fc.constantFrom('X', 'Y', null);
  const step = fc.record({
    kind: fc.constantFrom('created', 'existed', 'updated', 'updated', 'updated', 'deleted', 'gap', 'read'),
    id: fc.constantFrom(...ids),
    second: fc.integer({ min: 1, max: 9 }),
    fields: fc.record(
      { Name: text, Phone: text, [codeField]: fc.constantFrom('CODE-1', 'CODE-2', null) },
      { requiredKeys: [] },
    ),
  });
  const toChange = ({ kind, id, second, fields }: typeof step extends fc.Arbitrary<infer S> ? S : never) => {
    const values: Values = fields;
    if (kind === 'deleted') return deleted(id, second);
    if (kind === 'gap') return gap(id, second);
    if (kind === 'updated') return updated(id, second, values);
    const whole = kind === 'created' ? created(id, second, values) : existed(id, second, values);
    if (kind !== 'read') return whole;
    const { change: snapshot } = whole;
    return { ...whole, change: { ...snapshot, version: [second * 1000, 1n, 0, 5] as const } };
  };
  /** Everything that changes leave, apart from times. The versions of fields are in no order. */
  const written = async () => [
    (
      await database.rows<{
        field_versions: string[][];
      }>(`select record_id, base_version, field_versions, version,
        stale_version, stale_since, history_from, history_length, revision from records order by 1`)
    ).map(({ field_versions, ...record }) => ({
      ...record,
      versionOf: Object.fromEntries(
        field_versions.flatMap(([version, ...fields]) => fields.map((field) => [field, version])),
      ),
    })),
    await database.rows(`select account_id, code, state, error - 'at' as error, due_at = 'epoch' as first, replaces
      from signup_codes order by 1`),
    await database.rows('select * from salesforce.account order by id'),
    await database.rows('select * from account_changes order by 1, 2, 3, 4, 5'),
    await database.rows('select * from account_states order by 1, 2, 3, 4, 5'),
  ];
  /** Codes in a row, so that both ways generate the same ones. */
  const countingRules = () => {
    let codes = 0;
    return { ...codeRules({ field: codeField }), generate: () => `GEN-${++codes}` };
  };

  it('parts that are planned ahead leave what they leave one transaction after another', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 6 }),
        async (steps) => {
          const parts = steps.map((part) => part.map(toChange));
          await database.rows(removeAccounts);
          const each = countingRules();
          for (const part of parts)
            await inTransaction(database.pool, async (client) => {
              await lockAccountWrites(client);
              await applyChanges(client, part, each);
            });
          const expected = await written();
          await database.rows(removeAccounts);
          const together = countingRules();
          await inTransaction(database.pool, async (client) => {
            await lockAccountWrites(client);
            await applyParts(client, parts, together);
          });
          expect(await written()).toEqual(expected);
        },
      ),
      { numRuns: Math.ceil(runs.numRuns / 5) },
    );
  });

  it('a CREATE makes a row with its columns and a code waiting to be written', async () => {
    const result = await apply(
      created(a, 5, {
        Name: 'Quill Ltd',
        AccountNumber: 'A-1',
        CreatedDate: '2026-11-23T08:00:00.000Z',
        LastModifiedDate: '2026-11-23T08:00:01.000Z',
        BillingAddress: null,
        'BillingAddress.City': 'Oslo',
        Industry: null,
      }),
    );
    expect(result).toEqual({
      created: [a],
      updated: [],
      unchanged: [],
      writeBacks: [a],
      confirmed: [],
      stale: [],
      newer: [],
    });
    expect(await row()).toMatchObject({
      name: 'Quill Ltd',
      account_number: 'A-1',
      created_at: new Date('2026-11-23T08:00:00.000Z'),
      modified_at: new Date('2026-11-23T08:00:01.000Z'),
      fields: { Name: 'Quill Ltd', BillingAddress: { City: 'Oslo' }, IsDeleted: false },
      deleted: false,
      base_version: '5000.1.1.0',
      version: '5000.1.1.0',
      code_state: 'pending',
      signup_code: null,
      pending_signup_code: expect.stringMatching(/^\w{10}$/),
      stale_version: null,
      revision: 1n,
    });
  });

  it('a change writes only the fields that it names and stores which fields are newer than the base', async () => {
    await apply(
      existed(a, 1, { Name: 'A', 'BillingAddress.City': 'Oslo', 'BillingAddress.Street': '1 Quay' }),
    );
    const result = await apply(updated(a, 2, { 'BillingAddress.City': 'Rome' }));
    expect(result.updated).toEqual([a]);
    expect(await row()).toMatchObject({
      fields: { Name: 'A', BillingAddress: { City: 'Rome', Street: '1 Quay' } },
      base_version: '1000.1.1.0',
      field_versions: { 'BillingAddress.City': '2000.1.1.0' },
      version: '2000.1.1.0',
      revision: 2n,
    });
  });

  it('a cleared field is not restored by an older change', async () => {
    await apply(existed(a, 1, { Name: 'A', Industry: 'Energy' }), updated(a, 3, { Industry: null }));
    await apply(updated(a, 2, { Industry: 'Banking' }));
    expect((await row())?.['fields']).toEqual({ Name: 'A', IsDeleted: false });
  });

  it('a change without new values does not write the row', async () => {
    await apply(existed(a, 2, { Name: 'A' }));
    const before = await row();
    const result = await apply(existed(a, 2, { Name: 'A' }), updated(a, 1, { Name: 'Old' }));
    expect(result).toMatchObject({ created: [], updated: [], unchanged: [a] });
    expect(await row()).toEqual(before);
  });

  it('a change with equal values raises the version but not the revision', async () => {
    await apply(existed(a, 1, { Name: 'A' }));
    await apply(updated(a, 2, { Name: 'A' }));
    expect(await row()).toMatchObject({ version: '2000.1.1.0', revision: 1n });
  });

  it('a deletion and an undeletion are applied with the time of the deletion', async () => {
    await apply(existed(a, 1, { Name: 'A' }), deleted(a, 2));
    expect(await row()).toMatchObject({ deleted: true, deleted_at: new Date(2000), name: 'A' });
    await apply(existed(a, 3, { Name: 'A again' }));
    expect(await row()).toMatchObject({ deleted: false, deleted_at: null, name: 'A again' });
  });

  it('the name of a person is composed from its parts', async () => {
    await apply(existed(a, 1, { Name: null, 'Name.LastName': 'Quill', 'Name.FirstName': 'Ada' }));
    expect((await row())?.['name']).toBe('Ada Quill');
  });

  it('an account that was never seen completely is stale until it is read', async () => {
    const result = await apply(updated(a, 2, { Industry: 'Energy' }));
    expect(result).toMatchObject({ created: [a], stale: [a], writeBacks: [] });
    expect(await row()).toMatchObject({ stale_version: '2000.1.1.0', stale_since: new Date(2000) });
    await apply(existed(a, 3, { Name: 'A', Industry: 'Energy' }));
    expect(await row()).toMatchObject({ stale_version: null, stale_since: null, name: 'A' });
  });

  it('a deletion of an unknown account leaves nothing to be read', async () => {
    expect(await apply(deleted(a, 2))).toMatchObject({ created: [a], stale: [], newer: [] });
    expect(await row()).toMatchObject({ deleted: true, stale_version: null });
  });

  it('a gap makes the account stale until a read that reaches the gap', async () => {
    await apply(existed(a, 1, { Name: 'A' }));
    expect((await apply(gap(a, 5))).stale).toEqual([a]);
    expect((await apply(updated(a, 6, { Industry: 'Energy' }))).stale).toEqual([]);
    await apply(existed(a, 4, { Name: 'Read too early' }));
    expect((await row())?.['stale_version']).toBe('5000.1.1.0');
    await apply(
      existed(a, 5, { Name: 'Nor this: it is no later' }),
      change(a, 5, { kind: 'snapshot', version: [5000, 1n, 1, 9] }),
    );
    expect((await row())?.['stale_version']).toBeNull();
  });

  it('a second gap requests a second read', async () => {
    await apply(existed(a, 1, { Name: 'A' }), gap(a, 2));
    expect((await apply(gap(a, 3))).stale).toEqual([a]);
    expect((await row())?.['stale_version']).toBe('3000.1.1.0');
  });

  it('a gap before a deletion is read although the deletion has no values', async () => {
    await apply(existed(a, 5, { Name: 'Old' }), gap(a, 6), deleted(a, 7));
    expect(await row()).toMatchObject({ deleted: true, stale_version: '6000.1.1.0' });
    const gone = {
      ...deleted(a, 7),
      change: { ...deleted(a, 7).change, version: [7_000, 1n, 1, 8_000] as const },
    };
    await apply(gone);
    expect(await row()).toMatchObject({ deleted: true, stale_version: null });
    await apply(existed(b, 5, { Name: 'Old' }), gap(b, 6), deleted(b, 7));
    const values = new Map<string, Scalar>([
      ['IsDeleted', true],
      ['Name', 'New'],
    ]);
    await apply(change(b, 7, { version: [7_000, 1n, 1, 8_000], kind: 'snapshot', values }));
    expect(await row(b)).toMatchObject({ deleted: true, stale_version: null, name: 'New' });
  });

  it('more than a hundred changes at once are accepted after a read has overtaken them', async () => {
    await database.rows('truncate account_changes, account_states');
    const values = new Map<string, Scalar>([['Name', 'As read']]);
    await apply(change(a, 9, { version: [9_000, 1n, 1, 9_500], kind: 'snapshot', values }));
    const older = Array.from({ length: 120 }, (_, n) =>
      change(a, 1, { version: [1_000, BigInt(n + 1), 1, 0], values: new Map([['Name', `${n}`]]) }),
    );
    await apply(...older);
    expect(await row()).toMatchObject({ name: 'As read' });
    const [{ n } = { n: 0 }] = await database.rows(
      'select count(*)::int as n from account_changes where account_id = $1',
      [a],
    );
    expect(n).toBe(120);
  });

  it('changes in any order end in the same state', async () => {
    const changes = [
      created(a, 1, { Name: 'A', Industry: null }),
      updated(a, 2, { Industry: 'Energy' }),
      deleted(a, 3),
      existed(a, 4, { Name: 'A2', Industry: 'Energy' }),
      updated(a, 5, { Industry: null }),
    ];
    for (const one of changes) await apply(one);
    const visible = ['fields', 'version', 'base_version', 'field_versions', 'deleted', 'name'];
    const pick = (found: Awaited<ReturnType<typeof row>>) => visible.map((name) => found?.[name]);
    const inOrder = pick(await row());
    await database.rows(removeAccounts);
    for (const one of changes.toReversed()) await apply(one, one);
    expect(pick(await row())).toEqual(inOrder);
  });

  it('concurrent changes of a new account do not conflict', async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => apply(existed(a, index + 1, { Name: `A${index + 1}` }))),
    );
    expect((await row())?.['name']).toBe('A8');
  });

  describe('codes of changed accounts', () => {
    const code = async (id = a) => {
      const found = await row(id);
      return {
        code: found?.['signup_code'] ?? found?.['pending_signup_code'],
        state: found?.['code_state'],
        error: found?.['code_error']?.code,
      };
    };

    it('a code is generated once and not by a repetition, an update or an undeletion', async () => {
      await apply(created(a, 1, { Name: 'A' }));
      const { code: made } = await code();
      const again = await apply(
        created(a, 1, { Name: 'A' }),
        updated(a, 2, { Industry: 'X' }),
        created(a, 9, { Name: 'A' }),
      );
      expect(again.writeBacks).toEqual([]);
      expect((await code()).code).toBe(made);
    });

    it('an account without a code has a row of its own, by which lists find it', async () => {
      await apply(existed(a, 1, { Name: 'A' }));
      await apply(updated(b, 1, { Name: 'B' }));
      const rows = await database.rows(`select id from accounts where (code).state = 'none' order by id`);
      expect(rows.map(({ id }) => id)).toEqual([a, b].sort());
    });

    it('an account that existed before gets no code', async () => {
      expect((await apply(existed(a, 1, { Name: 'A' }))).writeBacks).toEqual([]);
      expect(await code()).toMatchObject({ code: null, state: 'none' });
    });

    it('a code in Salesforce is adopted and confirmed by it', async () => {
      await apply(created(a, 1, { [codeField]: 'HELD' }));
      expect(await code()).toEqual({ code: 'HELD', state: 'confirmed', error: undefined });
      await apply(created(b, 1, { Name: 'B' }));
      const made = (await code(b)).code;
      await apply(updated(b, 2, { [codeField]: made }));
      expect(await code(b)).toMatchObject({ code: made, state: 'confirmed' });
    });

    it('the code of a deleted account is pending again when the account is undeleted before the write', async () => {
      await apply(created(a, 1, { Name: 'A' }));
      expect((await apply(deleted(a, 2))).writeBacks).toEqual([]);
      expect((await apply(existed(a, 3, { Name: 'A' }))).writeBacks).toEqual([a]);
    });

    it('the code on its way to a deleted account is sent when the account is back', async () => {
      await apply(created(a, 1, { Name: 'A' }), deleted(a, 2));
      const gone = { code: 'ENTITY_IS_DELETED', message: 'Gone.', at: '2026-11-23T08:00:00.000Z' };
      await database.rows(`update accounts set code_state = 'failed', code_error = $1`, [
        JSON.stringify(gone),
      ]);
      expect((await apply(existed(a, 3, { Name: 'A' }))).writeBacks).toEqual([a]);
      expect(await code()).toMatchObject({ state: 'pending', error: undefined });
    });

    it('a code that Salesforce has twice stays with the first account and the second one reports it', async () => {
      await apply(existed(a, 1, { [codeField]: 'SAME' }));
      await apply(existed(b, 2, { [codeField]: 'SAME' }));
      expect(await code(a)).toMatchObject({ code: 'SAME', state: 'confirmed' });
      expect(await code(b)).toEqual({ code: null, state: 'failed', error: 'duplicate' });
      expect((await row(b))?.['code_error'].message).toContain(a);
    });

    it('a code stays with its owner if the collision and a change of the owner come together', async () => {
      await apply(existed(b, 1, { [codeField]: 'SAME' }));
      await apply(existed(a, 2, { [codeField]: 'SAME' }), updated(b, 3, { Industry: 'Energy' }));
      expect(await code(b)).toMatchObject({ code: 'SAME', state: 'confirmed' });
      expect(await code(a)).toMatchObject({ code: null, state: 'failed' });
    });

    it('a disputed code passes to the next account when the first gives it up or is deleted', async () => {
      await apply(existed(a, 1, { [codeField]: 'SAME' }));
      await apply(existed(b, 2, { [codeField]: 'SAME' }));
      await apply(updated(a, 3, { [codeField]: 'OTHER' }));
      expect([await code(a), await code(b)]).toMatchObject([
        { code: 'OTHER', state: 'confirmed' },
        { code: 'SAME', state: 'confirmed' },
      ]);
      await apply(updated(a, 4, { [codeField]: 'SAME' }));
      expect(await code(a)).toMatchObject({ code: null, state: 'failed', error: 'duplicate' });
      await apply(deleted(b, 5));
      expect([await code(a), await code(b)]).toMatchObject([
        { code: 'SAME', state: 'confirmed' },
        { code: null, state: 'none', error: 'passed on' },
      ]);
    });

    it('a code passes from the loser of a merge to the winner that took it over', async () => {
      await apply(existed(a, 1, { [codeField]: 'WINS' }), existed(b, 1, { [codeField]: 'LOSES' }));
      await apply(deleted(b, 2), updated(a, 2, { [codeField]: 'LOSES' }));
      expect([await code(a), await code(b)]).toMatchObject([
        { code: 'LOSES', state: 'confirmed' },
        { code: null, state: 'none', error: 'passed on' },
      ]);
    });

    it('the code of an account deleted long ago passes to the account that a person gives it', async () => {
      await apply(existed(a, 1, { [codeField]: 'USED' }));
      await apply(deleted(a, 2));
      await apply(existed(b, 3, { [codeField]: 'USED' }));
      expect([await code(a), await code(b)]).toMatchObject([
        { code: null, state: 'none', error: 'passed on' },
        { code: 'USED', state: 'confirmed' },
      ]);
    });

    it('a pending code gives way to the account on which Salesforce has it', async () => {
      await apply(created(a, 1, { Name: 'A' }));
      const { code: made } = await code();
      await apply(existed(b, 2, { [codeField]: made }));
      expect(await code(b)).toMatchObject({ code: made, state: 'confirmed' });
      const after = await code(a);
      expect([after.state, after.code === made]).toEqual(['pending', false]);
    });

    it('a code is not taken for cleared if Salesforce does not show us the field', async () => {
      await apply(existed(a, 1, { [codeField]: 'CODE-A' }));
      await apply(existed(a, 2, { Name: 'A' }));
      expect(await code(a)).toEqual({ code: 'CODE-A', state: 'confirmed', error: undefined });
    });

    it('a code moves to another account in one transaction', async () => {
      await apply(existed(a, 1, { [codeField]: 'CODE-A' }), existed(b, 1, { [codeField]: null }));
      await apply(updated(a, 2, { [codeField]: null }), updated(b, 2, { [codeField]: 'CODE-A' }));
      expect([await code(a), await code(b)]).toMatchObject([
        { code: null, error: 'cleared' },
        { code: 'CODE-A', state: 'confirmed' },
      ]);
    });

    it('two codes are swapped in one transaction', async () => {
      await apply(existed(a, 1, { [codeField]: 'CODE-A' }), existed(b, 1, { [codeField]: 'CODE-B' }));
      await apply(updated(a, 2, { [codeField]: 'CODE-B' }), updated(b, 2, { [codeField]: 'CODE-A' }));
      expect([await code(a), await code(b)]).toMatchObject([
        { code: 'CODE-B', state: 'confirmed' },
        { code: 'CODE-A', state: 'confirmed' },
      ]);
    });
  });
});
