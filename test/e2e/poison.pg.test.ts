import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

describe('events that can not be applied', () => {
  const topic = '/data/AccountChangeEvent';
  let database: TestDatabase;
  let sandbox: Sandbox;
  let salesforce: SalesforceRest;
  let tidemark: Tidemark;

  beforeAll(async () => {
    database = await createTestDatabase();
    sandbox = await startSandbox();
    salesforce = salesforceRest(sandbox);
    tidemark = await startTidemark(database.url, sandbox);
  });

  afterAll(async () => {
    await tidemark.stop();
    await sandbox.close();
    await database.drop();
  });

  const failed = (eventId: string) =>
    eventually(`the event ${eventId} failed`, async () => {
      const { data } = await tidemark.get<Page<ApiEvent>>('/v1/events?state=failed');
      return data.find((event) => event.eventId === eventId);
    });

  it('an event that can not be applied is kept with its reason and the events after it are applied', async () => {
    const id = randomUUID();
    const schemaId = sandbox.bus.topic(topic)?.schemaId() ?? '';
    sandbox.bus.publishRaw(topic, { id, schemaId, payload: Buffer.from([0xff, 0xff, 0xff]) });
    const account = await salesforce.create({ Name: 'Right behind' });
    expect((await failed(id)).error).toMatch(/can't be decoded/);
    await eventually('the next event is applied', async () => {
      const { codeState } = await tidemark.get<ApiAccount>(`/v1/accounts/${account}`);
      return codeState === 'confirmed';
    });
    const kept = await tidemark.get<{ payload: string }>(`/v1/events/${id}`);
    expect(Buffer.from(kept.payload, 'base64')).toEqual(Buffer.from([0xff, 0xff, 0xff]));
  });

  it('an event with a schema unknown to Salesforce fails alone', async () => {
    const id = randomUUID();
    sandbox.bus.publishRaw(topic, { id, schemaId: 'AAAAAAAAAAAAAAAAAAAAAA', payload: Buffer.from([1]) });
    expect((await failed(id)).error).toMatch(/can't be decoded/);
  });
});
