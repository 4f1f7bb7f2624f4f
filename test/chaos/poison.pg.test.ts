import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountTopic, type LiveMirror, openMirror } from '../helpers/live-mirror.ts';
import type { ApiEvent } from '../helpers/tidemark.ts';
import { writeBacksOf } from '../helpers/write-backs.ts';

describe('events that can not be applied', () => {
  let mirror: LiveMirror;

  beforeAll(async () => {
    mirror = await openMirror();
  });

  afterAll(() => mirror[Symbol.asyncDispose]());

  const failed = (eventId: string): Promise<ApiEvent> =>
    mirror.until(`the event ${eventId} failed`, async () =>
      (await mirror.failedEvents()).find((event) => event.eventId === eventId),
    );

  it('an event that can not be applied is kept with its reason and the events after it are applied', async () => {
    const id = randomUUID();
    const schemaId = mirror.simulator.bus.topic(accountTopic)?.schemaId() ?? '';
    mirror.simulator.bus.publishRaw(accountTopic, { id, schemaId, payload: Buffer.from([0xff, 0xff, 0xff]) });
    const account = await mirror.salesforce.create({ Name: 'Right behind' });
    expect((await failed(id)).error).toMatch(/cannot be decoded/);
    await writeBacksOf(mirror).confirmed(account);
    const kept = await mirror.get<{ payload: string }>(`/v1/events/${id}`);
    expect(Buffer.from(kept.payload, 'base64')).toEqual(Buffer.from([0xff, 0xff, 0xff]));
  });

  it('an event with a schema unknown to Salesforce fails alone', async () => {
    const id = randomUUID();
    mirror.simulator.bus.publishRaw(accountTopic, {
      id,
      schemaId: 'AAAAAAAAAAAAAAAAAAAAAA',
      payload: Buffer.from([1]),
    });
    expect((await failed(id)).error).toMatch(/cannot be decoded/);
  });

  it('a failed event no longer counts as failed when its records were read again', async () => {
    const id = randomUUID();
    const schemaId = mirror.simulator.bus.topic(accountTopic)?.schemaId() ?? '';
    mirror.simulator.bus.publishRaw(accountTopic, { id, schemaId, payload: Buffer.from([0xff]) });
    await failed(id);
    await mirror.healed();
    const { state, error } = await mirror.get<ApiEvent>(`/v1/events/${id}`);
    expect([state, error]).toEqual(['repaired', expect.stringMatching(/cannot be decoded/)]);
    const { counts } = await mirror.status();
    expect(counts.events).toMatchObject({ failed: 0 });
    expect(counts.events['repaired']).toBeGreaterThan(0);
  });
});
