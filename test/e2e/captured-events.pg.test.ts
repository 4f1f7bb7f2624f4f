import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Simulator, startSimulator } from 'salesforce-simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts';
import { eventually } from '../helpers/eventually.ts';
import { type ApiEvent, type Page, startTidemark, type Tidemark } from '../helpers/tidemark.ts';

const folder = fileURLToPath(new URL('../../../shared/real-events/', import.meta.url));
const absent = existsSync(folder)
  ? ''
  : ` (skipped: there is no folder of captured events next to the project)`;

type Captured = {
  events: { event: { id: string; schemaId: string; payload: string }; replayId: string }[];
};

describe.skipIf(absent !== '')(`events captured from a real org${absent}`, () => {
  const topic = '/data/AccountChangeEvent';
  const accountId = '001Dp00000JJkkHIAT';
  let database: TestDatabase;
  let simulator: Simulator;
  let tidemark: Tidemark;

  beforeAll(async () => {
    database = await createTestDatabase();
    simulator = await startSimulator();
    tidemark = await startTidemark(database.url, simulator);
    const schemaFile = 'AccountChangeEvent.i8wgJwwM-AVcDbFkbRl5Nw.avsc';
    simulator.bus.registerSchema('i8wgJwwM-AVcDbFkbRl5Nw', readFileSync(`${folder}${schemaFile}`, 'utf8'));
    for (const file of ['fetch-response.custom-field-update.json', 'fetch-response.address-update.json']) {
      const { events } = JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as Captured;
      for (const { event, replayId } of events) {
        simulator.bus.publishRaw(topic, {
          id: event.id,
          schemaId: event.schemaId,
          payload: Buffer.from(event.payload, 'base64'),
          replayId: Buffer.from(replayId, 'base64'),
        });
      }
    }
    await eventually('all three are applied', async () => {
      const { data } = await tidemark.get<Page<ApiEvent>>('/v1/events?state=applied');
      return data.length === 3;
    });
  });

  afterAll(async () => {
    await tidemark.stop();
    await simulator.close();
    await database.drop();
  });

  const byEventId = (id: string) => tidemark.get<ApiEvent>(`/v1/events/${id}`);

  it('a captured change of one part of an address names that part', async () => {
    const event = await byEventId('366d9355-f1bc-4650-b321-6d45e77180b5');
    expect(event).toMatchObject({ changeType: 'UPDATE', recordIds: [accountId], state: 'applied' });
    expect(event.changedFields).toEqual(['LastModifiedDate', 'ShippingAddress.Street']);
    expect(event.decoded?.fields).toMatchObject({ ShippingAddress: { Street: '101 California St' } });
    expect(Object.keys(event.decoded?.fields ?? {}).sort()).toEqual(['LastModifiedDate', 'ShippingAddress']);
  });

  it('a captured change of a geocode is read from its lone bitmap', async () => {
    const event = await byEventId('5d6504cd-54ac-492c-8d2d-285eabb5ea35');
    expect(event.changedFields).toEqual(['ShippingAddress.Latitude', 'ShippingAddress.Longitude']);
    expect(event.decoded?.fields).toEqual({
      ShippingAddress: { Latitude: expect.any(Number), Longitude: expect.any(Number) },
    });
  });

  it('a captured change of a custom field far beyond the 64th position is named', async () => {
    const event = await byEventId('4e734081-3b33-451a-906a-bb943fe7f5ee');
    expect(event.changedFields).toEqual(['LastModifiedDate', 'Amount_Owed__c']);
    expect(event.decoded?.fields).toMatchObject({ Amount_Owed__c: expect.any(Number) });
  });

  it('captured events are the history of their account, newest first', async () => {
    const page = await tidemark.get<Page<ApiEvent & { kind: string }>>(`/v1/accounts/${accountId}/events`);
    // The simulator does not know the account: the reading that says so is in its history too.
    const data = page.data.filter(({ kind }) => kind === 'event');
    expect(data[1]?.changes).toContainEqual(
      expect.objectContaining({ field: 'ShippingAddress.Street', after: '101 California St' }),
    );
    expect(data.map(({ changedFields }) => changedFields)).toEqual([
      ['ShippingAddress.Latitude', 'ShippingAddress.Longitude'],
      ['LastModifiedDate', 'ShippingAddress.Street'],
      ['LastModifiedDate', 'Amount_Owed__c'],
    ]);
  });
});
