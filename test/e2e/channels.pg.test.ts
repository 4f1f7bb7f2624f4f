import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bits, testSchemaJson } from '../helpers/change-events.ts';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';

const channels = [
  { topic: '/data/ChangeEvents', what: 'the channel of all objects' },
  { topic: '/data/Tidemark__chn', what: 'a channel of one’s own' },
];

describe.each(channels)('$what', ({ topic }) => {
  let mirror: LiveMirror;

  beforeAll(async () => {
    mirror = await openMirror({ simulator: { channels: ['/data/Tidemark__chn'] }, tidemark: { topic } });
    for (const name of ['Contact', 'Opportunity', 'Lead']) {
      mirror.simulator.bus.registerSchema(
        schemaOf(name),
        testSchemaJson.replace('AccountChangeEvent', `${name}ChangeEvent`),
      );
    }
  });

  afterAll(() => mirror[Symbol.asyncDispose]());

  const schemaOf = (name: string): string => `test-schema-of-${name}`;
  const publishOther = (name: string, id: string, header: object = {}): string =>
    mirror.publish(
      {
        header: { entityName: name, recordIds: [id], changeType: 'CREATE', ...header },
        fields: { Industry: 'Other' },
      },
      { topic, schemaId: schemaOf(name) },
    );
  const state = async (eventId: string) =>
    (await mirror.get<{ state: string }>(`/v1/events/${eventId}`)).state;

  it('accounts are loaded from a channel without a schema of its own', async () => {
    expect(mirror.simulator.bus.topic(topic)?.schemaId()).toBe('');
    for (const id of mirror.accountIds()) {
      expect((await mirror.account(id)).name).toBe(mirror.simulator.org.record(id)?.values['Name']);
    }
    expect((await mirror.resyncs()).find(({ reason }) => reason === 'initial')?.state).toBe('done');
  });

  it('events of other objects are stored and skipped and block nothing', async () => {
    const [id = ''] = mirror.accountIds();
    const before = publishOther('Contact', '003000000000001AAA');
    await mirror.salesforce.update(id, { Phone: 'between' });
    const behind = publishOther('Lead', '00Q000000000001AAA', { changeType: 'UPDATE' });
    await mirror.settled();
    expect([await state(before), await state(behind)]).toEqual(['skipped', 'skipped']);
    expect((await mirror.account(id)).fields['Phone']).toBe('between');
    expect(await mirror.accountIfAny('003000000000001AAA')).toBeUndefined();
    expect(await mirror.incidents()).toEqual([]);
  });

  it('a lead conversion arrives as one transaction of four objects and its account gets a code', async () => {
    const made = mirror.silently((tx) => tx.insert({ Name: 'Converted' }));
    const id = made.success ? made.id : '';
    const transactionKey = randomUUID();
    const step = (sequenceNumber: number) => ({ transactionKey, sequenceNumber });
    mirror.publish(
      { header: { recordIds: [id], changeType: 'CREATE', ...step(1) }, fields: { Name: 'Converted' } },
      { topic },
    );
    publishOther('Contact', '003000000000002AAA', step(2));
    publishOther('Opportunity', '006000000000002AAA', step(3));
    // The last step of a conversion is stamped a second later at times.
    const commitTimestamp = BigInt(Math.floor(Date.now() / 1000) * 1000 + 1000);
    publishOther('Lead', '00Q000000000002AAA', { changeType: 'UPDATE', commitTimestamp, ...step(4) });
    await mirror.accountWhen(id, 'it has its code', ({ codeState }) => codeState === 'confirmed');
    const states = (await mirror.events(`transactionKey=${transactionKey}`)).map((event) => event.state);
    expect(states.sort()).toEqual(['applied', 'skipped', 'skipped', 'skipped']);
  });

  it('enriched events arrive one by one under one replay id and unchanged fields are kept', async () => {
    const ids = mirror.accountIds().slice(0, 3);
    for (const id of ids) await mirror.salesforce.update(id, { AnnualRevenue: 5, Description: id });
    let replayId: Uint8Array | undefined;
    for (const id of ids) {
      mirror.publish(
        {
          header: { recordIds: [id], changedFields: bits('Industry') },
          // Enriched: filled, but not changed.
          fields: { Industry: 'Mining', AnnualRevenue: 99, Description: null },
        },
        { topic, ...(replayId && { replayId }) },
      );
      replayId = mirror.simulator.bus.latestReplayId();
    }
    await mirror.settled();
    for (const id of ids) {
      expect((await mirror.account(id)).fields).toMatchObject({
        Industry: 'Mining',
        AnnualRevenue: 5,
        Description: id,
      });
    }
  });
});
