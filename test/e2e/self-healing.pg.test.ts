import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type SalesforceRest, salesforceRest } from '../helpers/salesforce-rest.ts';
import {
  type ApiAccount,
  type ApiEvent,
  type Page,
  startTidemark,
  type Tidemark,
} from '../helpers/tidemark.ts';

type ApiIncident = {
  readonly cause: string;
  readonly state: string;
  readonly extent: string;
  readonly accountIds: readonly string[];
  readonly closedAt: string | null;
};

describe('gaps in what was received', () => {
  const topic = '/data/AccountChangeEvent';
  let database: TestDatabase;
  let sandbox: Sandbox;
  let salesforce: SalesforceRest;
  let tidemark: Tidemark;

  beforeEach(async () => {
    database = await createTestDatabase();
    sandbox = await startSandbox({ accounts: 5, keepaliveIntervalMs: 100 });
    salesforce = salesforceRest(sandbox);
    tidemark = await startTidemark(database.url, sandbox);
  });

  afterEach(async () => {
    await tidemark.stop();
    await sandbox.close();
    await database.drop();
  });

  const admin = () =>
    ({ userId: sandbox.org.named.admin.id, api: 'rest', apiVersion: '66.0', client: null }) as const;
  const someAccount = (): string => [...sandbox.org.records()][0]?.id ?? '';
  /** A change that no event tells of. */
  const changeSilently = (id: string, values: Record<string, string>): void =>
    void sandbox.org.transaction(admin(), (tx) => tx.update(id, values), 'nothing');
  const account = (id: string) => tidemark.get<ApiAccount>(`/v1/accounts/${id}`);
  const accountWhen = (id: string, what: string, holds: (account: ApiAccount) => boolean) =>
    eventually(what, async () => {
      const now = await account(id);
      return holds(now) && now;
    });
  const closed = (cause: string) =>
    eventually(`the incident "${cause}" is closed`, async () => {
      const { data } = await tidemark.get<Page<ApiIncident>>(
        `/v1/incidents?cause=${encodeURIComponent(cause)}`,
      );
      return data.length > 0 && data.every(({ state }) => state === 'closed') && data;
    });
  const sql = async (text: string, values: unknown[] = []): Promise<void> => {
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    await client.query(text, values);
    await client.end();
  };

  it('a position unknown to Salesforce causes a read that includes changes without events', async () => {
    const id = someAccount();
    await salesforce.update(id, { Phone: 'before' });
    await accountWhen(id, 'the phone', ({ fields }) => fields['Phone'] === 'before');
    await tidemark.stop();
    changeSilently(id, { Industry: 'Lost and found' });
    const during = await salesforce.create({ Name: 'During the outage' });
    await sql('update subscriptions set replay_id = $1', [Buffer.from('00ffffffffffff000000', 'hex')]);
    tidemark = await startTidemark(database.url, sandbox);
    await accountWhen(
      id,
      'the silent change is read',
      ({ fields }) => fields['Industry'] === 'Lost and found',
    );
    await accountWhen(during, 'the new account has its code', ({ codeState }) => codeState === 'confirmed');
    const [incident] = await closed('position lost');
    expect(incident).toMatchObject({ extent: 'since', closedAt: expect.any(String) });
    // Once, not for ever: the stream goes on from the oldest event kept.
    const { data } = await tidemark.get<Page<ApiIncident>>('/v1/incidents');
    expect(data).toHaveLength(1);
  });

  it('a GAP_UPDATE marks the account stale until it is read and the incident is closed', async () => {
    const id = someAccount();
    sandbox.org.transaction(admin(), (tx) => tx.update(id, { Rating: 'Hot' }), 'gaps');
    await accountWhen(id, 'the rating is read', ({ fields, stale }) => fields['Rating'] === 'Hot' && !stale);
    const [incident] = await closed('gap');
    expect(incident).toMatchObject({ extent: 'accounts', accountIds: [id] });
  });

  it('a GAP_CREATE adds the account, which gets its code', async () => {
    const result = sandbox.org.transaction(admin(), (tx) => tx.insert({ Name: 'Made in a gap' }), 'gaps');
    const id = result.success ? result.id : '';
    const read = await eventually('the account is read', async () => {
      const found = await tidemark.request('GET', `/v1/accounts/${id}`);
      const now = found.ok ? ((await found.json()) as ApiAccount) : undefined;
      return now?.codeState === 'confirmed' && !now.stale && now;
    });
    expect(read.name).toBe('Made in a gap');
    expect(await salesforce.read(id)).toMatchObject({ SignUpCode__c: read.signupCode });
  });

  it('a GAP_DELETE ends in the deletion and a GAP_UNDELETE in the undeletion', async () => {
    const id = someAccount();
    sandbox.org.transaction(admin(), (tx) => tx.delete(id), 'gaps');
    await accountWhen(id, 'it is deleted', ({ deletedAt, stale }) => deletedAt !== null && !stale);
    sandbox.org.transaction(admin(), (tx) => tx.undelete(id), 'gaps');
    await accountWhen(id, 'it is back', ({ deletedAt, stale }) => deletedAt === null && !stale);
    await closed('gap');
  });

  it('an overflow or a change of the whole object is closed by a full resync', async () => {
    const [first, second] = [...sandbox.org.records()].map(({ id }) => id);
    changeSilently(first ?? '', { Site: 'told by nobody' });
    sandbox.org.publishGap('GAP_OVERFLOW', ['000000000000000AAA']);
    await accountWhen(
      first ?? '',
      'the overflow is read',
      ({ fields }) => fields['Site'] === 'told by nobody',
    );
    await closed('overflow');
    changeSilently(second ?? '', { Site: 'emptied' });
    sandbox.org.publishGap('GAP_UPDATE', ['001*']);
    await accountWhen(second ?? '', 'the object is read', ({ fields }) => fields['Site'] === 'emptied');
    await closed('object changed');
  });

  it('an account that no event announced is found when it changes', async () => {
    const id = someAccount();
    await eventually('the readings of the first start are done', async () => {
      const { data } = await tidemark.get<Page<{ reason: string; state: string }>>('/v1/resyncs');
      return data.length === 2 && data.every(({ state }) => state === 'done');
    });
    await sql('delete from accounts where id = $1', [id]);
    await salesforce.update(id, { Phone: '99' });
    const whole = await eventually('the account is whole', async () => {
      const found = await tidemark.request('GET', `/v1/accounts/${id}`);
      const now = found.ok ? ((await found.json()) as ApiAccount) : undefined;
      return now?.stale === false && now;
    });
    expect(whole.name).toBe(sandbox.org.record(id)?.values['Name']);
    expect(whole.fields['Phone']).toBe('99');
    expect((await closed('unseen account'))[0]?.accountIds).toEqual([id]);
  });

  it('an undecodable event is closed by a read of what changed since', async () => {
    const id = someAccount();
    await salesforce.update(id, { Phone: '1' });
    await accountWhen(id, 'the phone', ({ fields }) => fields['Phone'] === '1');
    changeSilently(id, { Fax: 'in the broken event' });
    const schemaId = sandbox.bus.topic(topic)?.schemaId() ?? '';
    sandbox.bus.publishRaw(topic, { id: randomUUID(), schemaId, payload: Buffer.from([0x81]) });
    await accountWhen(id, 'the fax is read', ({ fields }) => fields['Fax'] === 'in the broken event');
    await closed('failed event');
  });

  it('a missing schema is closed, and its event is applied when it is retried', async () => {
    const id = someAccount();
    await salesforce.update(id, { Phone: '7' });
    const { data } = await eventually('the event of the phone', async () => {
      const page = await tidemark.get<Page<ApiEvent>>(`/v1/accounts/${id}/events`);
      return page.data[0]?.changeType === 'UPDATE' && page;
    });
    const { payload, schemaId } = await tidemark.get<{ payload: string; schemaId: string }>(
      `/v1/events/${data[0]?.id}`,
    );
    const eventId = randomUUID();
    const lateSchema = 'LATE_SCHEMA_LATE_SCHEM';
    sandbox.bus.publishRaw(topic, {
      id: eventId,
      schemaId: lateSchema,
      payload: Buffer.from(payload, 'base64'),
    });
    const state = async () => (await tidemark.get<ApiEvent>(`/v1/events/${eventId}`)).state;
    await eventually('the event has failed', async () => {
      const answer = await tidemark.request('GET', `/v1/events/${eventId}`);
      return answer.ok && (await state()) === 'failed';
    });
    await closed('failed event');
    sandbox.bus.registerSchema(lateSchema, sandbox.bus.schema(schemaId) ?? '');
    expect((await tidemark.request('POST', `/v1/events/${eventId}/retry`)).status).toBe(202);
    await eventually('the event is applied', async () => (await state()) === 'applied');
  });

  it('a different org is refused: one database mirrors one org', async () => {
    await tidemark.stop();
    await sql(`update subscriptions set organization_id = '00DAA0000000001AAA'`);
    await expect(startTidemark(database.url, sandbox)).rejects.toThrow(
      /DATABASE_URL holds a mirror of org 00DAA0000000001AAA, but the simulator was started/,
    );
    await sql('update subscriptions set organization_id = $1', [sandbox.organizationId]);
    tidemark = await startTidemark(database.url, sandbox);
  });
});
