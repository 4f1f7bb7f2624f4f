import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import { salesforceRest } from '../helpers/salesforce-rest.ts';
import type { ApiEvent, Page } from '../helpers/tidemark.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

describe('interruptions of running work', () => {
  let mirror: LiveMirror;
  let writeBacks: ReturnType<typeof writeBacksOf>;

  beforeEach(async () => {
    mirror = await openMirror({ simulator: { accounts: 3, keepaliveIntervalMs: 200 } });
    writeBacks = writeBacksOf(mirror);
  });

  afterEach(() => mirror[Symbol.asyncDispose]());

  it('a restart loses nothing that happened meanwhile', async () => {
    const before = await mirror.salesforce.create({ Name: 'Before' });
    await writeBacks.confirmed(before);
    await mirror.stop();
    const during = await mirror.salesforce.create({ Name: 'During' });
    await mirror.salesforce.update(before, { Phone: '4711' });
    await mirror.salesforce.remove(before);
    await mirror.startAgain();
    expect(await writeBacks.confirmed(during)).toMatchObject({ name: 'During' });
    const gone = await mirror.account(before);
    expect(gone.deletedAt).not.toBeNull();
    expect(gone.fields['Phone']).toBe('4711');
    // Resumed behind the last stored event, not from the beginning, and not by reading everything again.
    const { data: resyncs } = await mirror.get<Page<{ reason: string }>>('/v1/resyncs');
    expect(resyncs.filter(({ reason }) => reason === 'initial')).toHaveLength(1);
    const { data: events } = await mirror.get<Page<ApiEvent>>('/v1/events?limit=200');
    expect(new Set(events.map(({ eventId }) => eventId)).size).toBe(events.length);
  });

  it('an expired token is renewed for the stream and for the write-back', async () => {
    await writeBacks.confirmed(await mirror.salesforce.create({ Name: 'First' }));
    mirror.simulator.sessions.revokeAll();
    const rest = salesforceRest(mirror.simulator);
    mirror.simulator.disconnectStreams('service.auth.error');
    await writeBacks.confirmed(await rest.create({ Name: 'Second' }));
    mirror.simulator.sessions.revokeAll();
    await writeBacks.confirmed(await salesforceRest(mirror.simulator).create({ Name: 'Third' }));
  });

  it('streams ended cleanly and with errors store every event once', async () => {
    const ids: string[] = [];
    for (const error of [undefined, 'service.unavailable', undefined, 'subscription.internal.error']) {
      ids.push(await mirror.salesforce.create({ Name: `Account ${ids.length}` }));
      mirror.simulator.disconnectStreams(error);
      ids.push(await mirror.salesforce.create({ Name: `Account ${ids.length}` }));
    }
    for (const id of ids) await writeBacks.confirmed(id);
    const { data: creations } = await mirror.get<Page<ApiEvent>>('/v1/events?changeType=CREATE&limit=200');
    const created = creations.flatMap(({ recordIds }) => recordIds).filter((id) => ids.includes(id));
    expect(created.sort()).toEqual([...ids].sort());
  });
});
