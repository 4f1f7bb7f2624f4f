import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiAccount } from '../helpers/tidemark.ts';
import { sendersFor, signed } from '../helpers/webhooks.ts';
import { removeAccounts } from '../helpers/writable-accounts.ts';

type Resync = {
  readonly id: string;
  readonly state: string;
  readonly method: string | null;
  readonly failed: number;
  readonly verification: { readonly different: number } | null;
};
type Account = ApiAccount & { readonly replacedFields: readonly string[] | null };

/** A text in Salesforce and how PostgreSQL can store it. */
const texts = {
  nul: ['before\u0000after', 'before\ufffdafter'],
  firstHalf: ['cut here \ud83d', 'cut here \ufffd'],
  secondHalf: ['x \udc36 y', 'x \ufffd y'],
  control: ['bell\u0007 esc\u001b c1\u0085 \u2028 end', 'bell\u0007 esc\u001b c1\u0085 \u2028 end'],
  emoji: ['\u{1f3e0} e\u0301', '\u{1f3e0} e\u0301'],
} as const;
type Kind = keyof typeof texts;
const kinds: readonly Kind[] = ['nul', 'firstHalf', 'secondHalf', 'control', 'emoji'];
const replacing: readonly Kind[] = ['nul', 'firstHalf', 'secondHalf'];

describe('texts with characters that PostgreSQL does not store', () => {
  let mirror: LiveMirror;
  const ids = new Map<Kind, string>();

  beforeAll(async () => {
    mirror = await openMirror({
      tidemark: {
        timing: { settleMs: 200 },
        webhooks: sendersFor('00Dal00000AbCdEEAV'),
        indexedFields: ['Description'],
      },
    });
    for (const kind of kinds) {
      const [text] = texts[kind];
      ids.set(kind, await mirror.salesforce.create({ Name: `T ${kind}`, Description: text, Site: text }));
    }
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  const account = (kind: Kind): Promise<Account> => mirror.get<Account>(`/v1/accounts/${ids.get(kind)}`);
  const resync = async (order: object): Promise<Resync> => {
    const answer = await mirror.tidemark.request('POST', '/v1/resyncs', order);
    const { id } = (await answer.json()) as Resync;
    return mirror.until('the resync has ended', async () => {
      const now = await mirror.get<Resync>(`/v1/resyncs/${id}`);
      return ['done', 'failed'].includes(now.state) && now;
    });
  };
  const expectMirrored = async (): Promise<void> => {
    for (const kind of kinds) {
      const [, stored] = texts[kind];
      expect((await account(kind)).fields, kind).toMatchObject({ Description: stored, Site: stored });
    }
  };
  const expectReported = async (): Promise<void> => {
    for (const kind of kinds) {
      const fields = replacing.includes(kind) ? ['Description', 'Site'] : [];
      expect((await account(kind)).replacedFields, kind).toEqual(fields);
    }
  };

  it('an event with an unstorable character is mirrored with U+FFFD in its place and the account gets its code', async () => {
    for (const kind of kinds) {
      await mirror.accountWhen(ids.get(kind) ?? '', kind, ({ codeState }) => codeState === 'confirmed');
    }
    await expectMirrored();
    await expectReported();
    expect(await mirror.failedEvents()).toEqual([]);
  });

  it('a query result with an unstorable character is mirrored and the account names the field', async () => {
    expect(await resync({ scope: 'all' })).toMatchObject({ state: 'done', failed: 0, method: 'rest' });
    await expectMirrored();
    await expectReported();
  });

  it('a replaced character is no difference when the mirror is verified', async () => {
    const { verification } = await resync({ scope: 'all', mode: 'verify' });
    expect(verification).toMatchObject({ different: 0 });
  });

  it('a field is no longer reported as replaced once Salesforce has another text', async () => {
    const id = ids.get('nul') ?? '';
    await mirror.salesforce.update(id, { Description: 'repaired' });
    await mirror.accountWhen(id, 'the change', ({ fields }) => fields['Description'] === 'repaired');
    expect((await account('nul')).replacedFields).toEqual(['Site']);
    await mirror.salesforce.update(id, { Description: texts.nul[0] });
    await mirror.accountWhen(id, 'the change', ({ fields }) => fields['Description'] === texts.nul[1]);
    expect((await account('nul')).replacedFields).toEqual(['Description', 'Site']);
  });

  it('a webhook event with an unstorable character is mirrored and the account names the field', async () => {
    const id = ids.get('emoji') ?? '';
    // Commits have the time of a whole second: this one has to be later than what came before it.
    const second = (): number => Math.floor(Date.now() / 1_000);
    const before = second();
    await mirror.until('the next second has started', async () => second() > before);
    const payload = {
      ChangeEventHeader: {
        entityName: 'Account',
        recordIds: [id],
        changeType: 'UPDATE',
        transactionKey: 'of-the-webhook',
        sequenceNumber: 1,
        commitTimestamp: second() * 1_000,
        commitNumber: 1,
        changedFields: ['Fax'],
      },
      Fax: 'a\u0000b \ud83d',
    };
    const body = JSON.stringify(payload);
    const answer = await fetch(`${mirror.tidemark.url}/webhooks/change-events`, {
      method: 'POST',
      headers: signed(body),
      body,
    });
    expect(answer.status).toBe(202);
    await mirror.accountWhen(id, 'the change', ({ fields }) => fields['Fax'] === 'a\ufffdb \ufffd');
    expect((await account('emoji')).replacedFields).toEqual(['Fax']);
    await mirror.salesforce.update(id, { Fax: '1' });
    await mirror.accountWhen(id, 'the change', ({ fields }) => fields['Fax'] === '1');
  });

  it('a text that is longer than an index entry is mirrored and does not match its beginning', async () => {
    // No compression makes it fit.
    const random = (length: number) => randomBytes(length).toString('base64url').slice(0, length);
    const [long, short] = [random(32_000), random(255)];
    const id = await mirror.salesforce.create({ Name: 'Long Ltd', Description: long });
    const other = await mirror.salesforce.create({ Name: 'Short Ltd', Description: short });
    await mirror.accountWhen(id, 'the long text', ({ fields }) => fields['Description'] === long);
    await mirror.accountWhen(other, 'the last one', ({ codeState }) => codeState === 'confirmed');
    const found = async (text: string) =>
      (await mirror.get<{ data: { id: string }[] }>(`/v1/accounts?fields.Description=${text}`)).data;
    expect(await found(short)).toEqual([expect.objectContaining({ id: other })]);
    expect(await found(long.slice(0, 255))).toEqual([]);
  });

  it('a bulk result with an unstorable character is mirrored and the account names the field', async () => {
    await mirror.stop();
    await mirror.sql(removeAccounts);
    await mirror.startAgain({ bulkFrom: 1 });
    expect(await resync({ scope: 'all' })).toMatchObject({ state: 'done', failed: 0, method: 'bulk' });
    await expectMirrored();
    expect((await account('nul')).replacedFields).toEqual(['Description', 'Site']);
  });
});
