import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ApiIncident, accountTopic, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiEvent } from '../helpers/tidemark.ts';

describe('gaps in what was received', () => {
  let mirror: LiveMirror;
  const unused: string[] = [];

  beforeAll(async () => {
    mirror = await openMirror({ simulator: { accounts: 12, keepaliveIntervalMs: 100 } });
    unused.push(...mirror.accountIds());
  });
  afterAll(() => mirror[Symbol.asyncDispose]());

  /** An account that no other test of this file changes. */
  const ownAccount = (): string => unused.pop() ?? '';
  /** Waits until incidents of this cause were opened since the test began, and all of them are closed. */
  const closed = (cause: string, before: number): Promise<readonly ApiIncident[]> =>
    mirror.until(`the incident "${cause}" is closed`, async () => {
      const found = (await incidentsOf(cause)).slice(0, -before || undefined);
      return found.length > 0 && found.every(({ state }) => state === 'closed') && found;
    });
  const incidentsOf = async (cause: string): Promise<ApiIncident[]> =>
    (await mirror.incidents()).filter((incident) => incident.cause === cause);
  const countOf = async (cause: string): Promise<number> => (await incidentsOf(cause)).length;

  it('a position unknown to Salesforce causes a read that includes changes without events', async () => {
    const id = ownAccount();
    await mirror.salesforce.update(id, { Phone: 'before' });
    await mirror.accountWhen(id, 'the phone', ({ fields }) => fields['Phone'] === 'before');
    await mirror.stop();
    mirror.changeSilently(id, { Industry: 'Lost and found' });
    const during = await mirror.salesforce.create({ Name: 'During the outage' });
    await mirror.sql('update subscriptions set replay_id = $1', [Buffer.from('00ffffffffffff000000', 'hex')]);
    const all = (await mirror.sql('select from incidents')).length;
    await mirror.startAgain();
    await mirror.accountWhen(
      id,
      'the silent change is read',
      ({ fields }) => fields['Industry'] === 'Lost and found',
    );
    await mirror.accountWhen(
      during,
      'the new account has its code',
      ({ codeState }) => codeState === 'confirmed',
    );
    const [incident] = await closed('position lost', 0);
    expect(incident).toMatchObject({ extent: 'since', closedAt: expect.any(String) });
    // Once: the stream goes on from the oldest event kept.
    expect(await mirror.incidents()).toHaveLength(all + 1);
  });

  it('a GAP_UPDATE marks the account stale until it is read and the incident is closed', async () => {
    const id = ownAccount();
    const before = await countOf('gap');
    mirror.inGaps((tx) => tx.update(id, { Rating: 'Hot' }));
    await mirror.accountWhen(
      id,
      'the rating is read',
      ({ fields, stale }) => fields['Rating'] === 'Hot' && !stale,
    );
    const [incident] = await closed('gap', before);
    expect(incident).toMatchObject({ extent: 'accounts', accountIds: [id] });
  });

  it('a GAP_CREATE adds the account, which gets its code', async () => {
    const result = mirror.inGaps((tx) => tx.insert({ Name: 'Made in a gap' }));
    const id = result.success ? result.id : '';
    const read = await mirror.accountWhen(
      id,
      'the account is read',
      ({ codeState, stale }) => codeState === 'confirmed' && !stale,
    );
    expect(read.name).toBe('Made in a gap');
    expect(await mirror.salesforce.read(id)).toMatchObject({ SignUpCode__c: read.signupCode });
  });

  it('a GAP_DELETE ends in the deletion and a GAP_UNDELETE in the undeletion', async () => {
    const id = ownAccount();
    const before = await countOf('gap');
    mirror.inGaps((tx) => tx.delete(id));
    await mirror.accountWhen(id, 'it is deleted', ({ deletedAt, stale }) => deletedAt !== null && !stale);
    mirror.inGaps((tx) => tx.undelete(id));
    await mirror.accountWhen(id, 'it is back', ({ deletedAt, stale }) => deletedAt === null && !stale);
    await closed('gap', before);
  });

  it('an overflow or a change of the whole object is closed by a full resync', async () => {
    const [first, second] = [ownAccount(), ownAccount()];
    mirror.changeSilently(first, { Site: 'without an event' });
    mirror.simulator.org.publishGap('GAP_OVERFLOW', ['000000000000000AAA']);
    await mirror.accountWhen(
      first,
      'the overflow is read',
      ({ fields }) => fields['Site'] === 'without an event',
    );
    await closed('overflow', 0);
    mirror.changeSilently(second, { Site: 'emptied' });
    mirror.simulator.org.publishGap('GAP_UPDATE', ['001*']);
    await mirror.accountWhen(second, 'the object is read', ({ fields }) => fields['Site'] === 'emptied');
    await closed('object changed', 0);
  });

  it('an account that no event announced is found when it changes', async () => {
    const id = ownAccount();
    await mirror.healed();
    await mirror.sql('delete from accounts where id = $1', [id]);
    await mirror.salesforce.update(id, { Phone: '99' });
    const whole = await mirror.accountWhen(id, 'the account is whole', ({ stale }) => !stale);
    expect(whole.name).toBe(mirror.simulator.org.record(id)?.values['Name']);
    expect(whole.fields['Phone']).toBe('99');
    expect((await closed('unseen account', 0))[0]?.accountIds).toEqual([id]);
  });

  it('an undecodable event is closed by a read of what changed since', async () => {
    const id = ownAccount();
    const before = await countOf('failed event');
    await mirror.salesforce.update(id, { Phone: '1' });
    await mirror.accountWhen(id, 'the phone', ({ fields }) => fields['Phone'] === '1');
    mirror.changeSilently(id, { Fax: 'in the broken event' });
    const schemaId = mirror.simulator.bus.topic(accountTopic)?.schemaId() ?? '';
    mirror.simulator.bus.publishRaw(accountTopic, {
      id: randomUUID(),
      schemaId,
      payload: Buffer.from([0x81]),
    });
    await mirror.accountWhen(id, 'the fax is read', ({ fields }) => fields['Fax'] === 'in the broken event');
    await closed('failed event', before);
  });

  it('a missing schema is closed, and its event is applied when it is retried', async () => {
    const id = ownAccount();
    const before = await countOf('failed event');
    await mirror.salesforce.update(id, { Phone: '7' });
    const event = await mirror.until('the event of the phone', async () => {
      const [newest] = await mirror.events(`recordId=${id}&changeType=UPDATE`);
      return newest?.state === 'applied' && newest;
    });
    const { payload, schemaId } = await mirror.get<{ payload: string; schemaId: string }>(
      `/v1/events/${event.id}`,
    );
    const eventId = randomUUID();
    const lateSchema = 'LATE_SCHEMA_LATE_SCHEM';
    mirror.simulator.bus.publishRaw(accountTopic, {
      id: eventId,
      schemaId: lateSchema,
      payload: Buffer.from(payload, 'base64'),
    });
    const state = async () => (await mirror.get<ApiEvent>(`/v1/events/${eventId}`)).state;
    await mirror.until('the event has failed', async () => {
      const answer = await mirror.tidemark.request('GET', `/v1/events/${eventId}`);
      // It may be repaired before this reads its state.
      return answer.ok && ['failed', 'repaired'].includes(await state());
    });
    await closed('failed event', before);
    mirror.simulator.bus.registerSchema(lateSchema, mirror.simulator.bus.schema(schemaId) ?? '');
    expect((await mirror.tidemark.request('POST', `/v1/events/${eventId}/retry`)).status).toBe(202);
    await mirror.until('the event is applied', async () => (await state()) === 'applied');
  });

  it('a different org is refused: one database mirrors one org', async () => {
    await mirror.stop();
    await mirror.sql(`update subscriptions set organization_id = '00DAA0000000001AAA'`);
    await expect(mirror.startAgain()).rejects.toThrow(
      /DATABASE_URL holds a mirror of org 00DAA0000000001AAA, but the simulator was started/,
    );
    await mirror.sql('update subscriptions set organization_id = $1', [mirror.simulator.organizationId]);
    await mirror.startAgain();
  });
});
