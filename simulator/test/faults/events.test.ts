import { afterEach, describe, expect, it } from 'vitest';
import { decodeEvents, decodePayload } from '../pubsub/decode-events.ts';
import { useFaultSimulator } from './fault-simulator.ts';

const CHANNEL = '/data/Example__chn';
const handle = useFaultSimulator({ channels: [CHANNEL] });
const { connect, create, rest, subscribe } = handle;
const events = () => handle.simulator.faults.events;

afterEach(() => handle.simulator.bus.expire());

/** The events that a new subscription receives during the work. */
async function receivedBy(count: number, work: () => unknown, topicName = '/data/AccountChangeEvent') {
  const { bus } = handle.simulator;
  bus.advance();
  const subscription = subscribe({ topicName, replayPreset: 'CUSTOM', replayId: bus.latestReplayId() });
  await work();
  return subscription.received(count);
}

/** Events of a topic that came with the work, decoded. */
async function decodedBy(work: () => unknown, topic = '/data/AccountChangeEvent') {
  const before = decodeEvents(handle.simulator.bus, topic).length;
  await work();
  return decodeEvents(handle.simulator.bus, topic).slice(before);
}

const update = (id: string, values: Record<string, unknown>) =>
  rest('PATCH', `/sobjects/Account/${id}`, values);

const updateAll = (ids: readonly string[], values: Record<string, unknown>) =>
  rest('PATCH', '/composite/sobjects', {
    allOrNone: false,
    records: ids.map((id) => ({ attributes: { type: 'Account' }, id, ...values })),
  });

describe('events that cannot be decoded', () => {
  it.each(['cut', 'flipped'] as const)('an undecodable event is %s', async (how) => {
    events().undecodable.on({ how, times: 1 });
    const [event] = await receivedBy(1, create);
    const { schemaJson } = await connect().getSchema(event?.event.schemaId ?? '');
    expect(() => decodePayload(schemaJson, event?.event.payload ?? Buffer.alloc(0))).toThrow();
    const [next] = await receivedBy(1, create);
    expect(() => decodePayload(schemaJson, next?.event.payload ?? Buffer.alloc(0))).not.toThrow();
  });

  it('an event names a schema that does not exist', async () => {
    events().undecodable.on({ how: 'unknown-schema', times: 1 });
    const [event] = await receivedBy(1, create);
    await expect(connect().getSchema(event?.event.schemaId ?? '')).rejects.toMatchObject({ code: 3 });
  });

  it('an event names the schema of another object', async () => {
    events().undecodable.on({ how: 'other-schema', times: 1 });
    const [event] = await receivedBy(1, create);
    const { schemaJson } = await connect().getSchema(event?.event.schemaId ?? '');
    expect(JSON.parse(schemaJson)).toMatchObject({ name: 'ContactChangeEvent' });
    expect(() => decodePayload(schemaJson, event?.event.payload ?? Buffer.alloc(0))).toThrow();
  });
});

describe('faults of change events', () => {
  it('a change is sent as a gap event', async () => {
    const id = await create();
    events().gap.on({ recordIds: [id] });
    const gaps = await decodedBy(async () => {
      await update(id, { Phone: '1' });
      await create();
      await rest('DELETE', `/sobjects/Account/${id}`);
    });
    expect(gaps.map(({ header }) => header.changeType)).toEqual(['GAP_UPDATE', 'CREATE', 'GAP_DELETE']);
    expect(gaps[0]).toMatchObject({ header: { recordIds: [id], changedFields: [] }, fields: {} });
  });

  it('a share of the changes become gap events, the same ones for the same seed', async () => {
    const run = async () => {
      const { off } = events().gap.on({ probability: 0.5, seed: 7 });
      const types = await decodedBy(async () => {
        for (let count = 0; count < 12; count += 1) await create();
      });
      off();
      return types.map(({ header }) => header.changeType);
    };
    const first = await run();
    expect(new Set(first)).toEqual(new Set(['CREATE', 'GAP_CREATE']));
    expect(await run()).toEqual(first);
  });

  it('a change event is lost', async () => {
    events().lost.on({ times: 1 });
    const id = await create();
    const later = await decodedBy(() => update(id, { Phone: '2' }));
    expect(later.map(({ header }) => header.changeType)).toEqual(['UPDATE']);
    expect(decodeEvents(handle.simulator.bus).flatMap(({ header }) => header.recordIds)).toContain(id);
    expect(
      decodeEvents(handle.simulator.bus).filter(
        ({ header }) => header.changeType === 'CREATE' && header.recordIds.includes(id),
      ),
    ).toEqual([]);
  });

  it('a lost change event leaves a gap in the sequence', async () => {
    events().lost.on({ times: 1 });
    const left = await decodedBy(() =>
      rest('POST', '/composite/sobjects', {
        records: ['A', 'B'].map((Name) => ({ attributes: { type: 'Account' }, Name })),
      }),
    );
    expect(left.map(({ header }) => header.sequenceNumber)).toEqual([2]);
  });

  it('a change overflows its transaction', async () => {
    const ids = [await create(), await create(), await create()];
    events().overflow.on({ after: 1, times: 1 });
    const [first, ...others] = await decodedBy(() =>
      rest('POST', '/composite/sobjects', {
        records: ids.map((id) => ({ attributes: { type: 'Account' }, Name: `Copy of ${id}` })),
      }),
    );
    expect(first?.header.changeType).toBe('CREATE');
    expect(others).toMatchObject([
      { header: { changeType: 'GAP_OVERFLOW', recordIds: ['000000000000000AAA'], sequenceNumber: 2 } },
    ]);
  });

  it('change events arrive out of sequence', async () => {
    events().reordered.on({ times: 1 });
    const batch = await decodedBy(() =>
      rest('POST', '/composite/sobjects', {
        records: ['A', 'B', 'C'].map((Name) => ({ attributes: { type: 'Account' }, Name })),
      }),
    );
    expect(batch.map(({ header }) => header.sequenceNumber)).toEqual([3, 2, 1]);
    expect(new Set(batch.map(({ header }) => header.transactionKey)).size).toBe(1);
  });

  it('a change event is delayed together with those after it', async () => {
    events().delayed.on({ delayMs: 3_600_000, times: 1 });
    const held = await decodedBy(async () => {
      await create({ Name: 'Held' });
      await create({ Name: 'Next' });
    });
    expect(held).toEqual([]);
    const shown = await decodedBy(() => {
      events().delayed.on({ delayMs: 1 });
      events().delayed.off();
    });
    expect(shown.map(({ fields }) => fields['Name'])).toEqual(['Held', 'Next']);
    events().delayed.on({ delayMs: 20, times: 1 });
    expect(await receivedBy(1, create)).toHaveLength(1);
  });
});

describe('enriched channels', () => {
  it.each([true, false])(
    'an enriched channel sends a merged change record by record (one event id: %s)',
    async (sharesEventId) => {
      const ids = [await create({ Industry: 'Energy' }), await create({ Industry: 'Energy' })];
      const { off } = events().enriched.on({ channel: CHANNEL, fields: ['Name', 'Industry'], sharesEventId });
      const work = () => updateAll(ids, { Phone: '030 1' });
      const delivered = await receivedBy(2, work, CHANNEL);
      expect(delivered).toHaveLength(2);
      expect(delivered[0]?.replayId).toEqual(delivered[1]?.replayId);
      expect(delivered[0]?.event.id === delivered[1]?.event.id).toBe(sharesEventId);
      const [first, second] = decodeEvents(handle.simulator.bus, CHANNEL).slice(-2);
      expect([first?.header.recordIds, second?.header.recordIds]).toEqual([[ids[0]], [ids[1]]]);
      expect(first?.fields).toMatchObject({ Phone: '030 1', Industry: 'Energy', Name: 'Made for a fault' });
      const [plain] = decodeEvents(handle.simulator.bus).slice(-1);
      expect(plain?.header).toMatchObject({ recordIds: ids, changedFields: first?.header.changedFields });
      expect(plain?.fields).not.toHaveProperty('Industry');
      off();
      const later = await decodedBy(() => update(ids[0] ?? '', { Phone: '030 2' }), CHANNEL);
      expect(later.map(({ fields }) => Object.keys(fields))).toEqual([['Phone', 'LastModifiedDate']]);
    },
  );
});

describe('events without a change of an account', () => {
  it('a gap event concerns every account', async () => {
    const gaps = await decodedBy(() => events().publishGap.now({ changeType: 'GAP_UPDATE' }));
    expect(gaps).toMatchObject([{ header: { changeType: 'GAP_UPDATE', recordIds: ['001*'] } }]);
  });

  it.each(['Contact', 'Opportunity', 'Lead'] as const)(
    'an event about a %s is sent on the channels only',
    async (object) => {
      const accounts = await decodedBy(async () => {
        for (const topic of ['/data/ChangeEvents', CHANNEL, `/data/${object}ChangeEvent`]) {
          const [event] = await decodedBy(
            () => events().publishOther.now({ object, changeType: 'UPDATE' }),
            topic,
          );
          expect(event?.header).toMatchObject({ entityName: object, changeType: 'UPDATE' });
        }
      });
      expect(accounts).toEqual([]);
    },
  );

  it('an event close to the maximum size is delivered', async () => {
    const { recordId } = events().huge.now({ characters: 1_000_000 });
    const [event] = decodeEvents(handle.simulator.bus).slice(-1);
    expect(event?.header.recordIds).toEqual([recordId]);
    const [delivered] = await receivedBy(1, () => events().huge.now({ characters: 1_000_000 }));
    expect(delivered?.event.payload.length).toBeGreaterThan(1_000_000);
  });
});
