import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { decodeChangeEvent } from '../../src/salesforce/decode.ts';
import { compileSchema } from '../../src/salesforce/writer-schema.ts';

// They are next to the project, not in it, so they may be absent.
const folder = fileURLToPath(new URL('../../../shared/real-events/', import.meta.url));
const present = existsSync(folder);
const note = present ? '' : ' (skipped: the captured events are not on this machine)';

describe.skipIf(!present)(`events captured from a real org${note}`, () => {
  it('a changed street names one part of one address and the date of the change', async () => {
    const [street] = await decodeFile('fetch-response.address-update.json');
    expect(street?.header).toMatchObject({
      entityName: 'Account',
      changeType: 'UPDATE',
      changedFields: ['LastModifiedDate', 'ShippingAddress.Street'],
      nulledFields: [],
    });
    expect(street?.header.commitNumber).toBeGreaterThan(2n ** 40n);
    expect(street?.values.get('ShippingAddress.Street')).toBe('101 California St');
    expect(street?.values.get('LastModifiedDate')).toMatch(/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z$/);
    expect(street?.values.size).toBe(2);
  });

  it('the geocoding job names two parts in a lone bitmap and nothing else', async () => {
    const [, geocode] = await decodeFile('fetch-response.address-update.json');
    expect(geocode?.header.changedFields).toEqual(['ShippingAddress.Latitude', 'ShippingAddress.Longitude']);
    expect([...(geocode?.values.keys() ?? [])]).toEqual([
      'ShippingAddress.Latitude',
      'ShippingAddress.Longitude',
    ]);
    expect(geocode?.values.get('ShippingAddress.Latitude')).toBeCloseTo(37.79, 1);
    expect(geocode?.values.get('ShippingAddress.Longitude')).toBeCloseTo(-122.4, 1);
  });

  it('a custom field behind the 64th is named', async () => {
    const [custom] = await decodeFile('fetch-response.custom-field-update.json');
    expect(custom?.header.changedFields).toEqual(['LastModifiedDate', 'Amount_Owed__c']);
    expect(custom?.values.get('Amount_Owed__c')).toBeTypeOf('number');
  });

  it('both schema versions of the org compile with compound fields at any position', async () => {
    for (const file of [
      'AccountChangeEvent.i8wgJwwM-AVcDbFkbRl5Nw.avsc',
      'AccountChangeEvent.2026-08.avsc',
    ]) {
      const { entityFields } = compileSchema(await readFile(folder + file, 'utf8'));
      const partsOf = (name: string) => entityFields.find((field) => field.name === name)?.parts;
      expect(partsOf('ShippingAddress')).toEqual(partsOf('BillingAddress'));
      expect(partsOf('ShippingAddress')).toContain('GeocodeAccuracy');
      expect(partsOf('Name')).toContain('LastName');
    }
  });
});

async function decodeFile(file: string) {
  const schemaFile = `${folder}AccountChangeEvent.i8wgJwwM-AVcDbFkbRl5Nw.avsc`;
  const schema = compileSchema(await readFile(schemaFile, 'utf8'));
  const response = JSON.parse(await readFile(folder + file, 'utf8')) as {
    events: { event: { payload: string } }[];
  };
  return response.events.map(({ event }) => decodeChangeEvent(Buffer.from(event.payload, 'base64'), schema));
}
