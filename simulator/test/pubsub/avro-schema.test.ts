import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { accountFields } from '../../src/org/account-fields.ts';
import { changeEventSchema } from '../../src/pubsub/avro-schema.ts';
import { realEvents } from './real-events.ts';

describe('the change event schema', () => {
  const schema = changeEventSchema(accountFields());
  const names: string[] = JSON.parse(schema.json).fields.map((field: { name: string }) => field.name);

  it('the schema has the fields of a real org of this kind at their positions', () => {
    expect(names).toHaveLength(44);
    expect([0, 1, 4, 5, 11, 16, 19, 22, 23, 24, 35, 36, 43].map((position) => names[position])).toEqual([
      'ChangeEventHeader',
      'Name',
      'BillingAddress',
      'ShippingAddress',
      'Industry',
      'Description',
      'OwnerId',
      'LastModifiedDate',
      'LastModifiedById',
      'Jigsaw',
      'OperatingHoursId',
      'CustomerPriority__c',
      'SignUpCode__c',
    ]);
  });

  it('the schema id is a fingerprint of its content', () => {
    expect(schema.id).toMatch(/^[A-Za-z0-9_-]{22}$/);
    expect(changeEventSchema(accountFields()).id).toBe(schema.id);
    expect(changeEventSchema(accountFields().slice(0, -10)).id).not.toBe(schema.id);
  });

  it.skipIf(!realEvents.arePresent)(
    `the schema describes shared fields as the real schema does${realEvents.whySkipped}`,
    async () => {
      const real = JSON.parse(await readFile(realEvents.file('AccountChangeEvent.2026-08.avsc'), 'utf8'));
      const ours = JSON.parse(schema.json);
      expect(ours).toMatchObject({ type: real.type, name: real.name, namespace: real.namespace });
      const differing = ['Name', 'BillingAddress'];
      const shared = ours.fields.filter(
        ({ name }: { name: string }) => !name.endsWith('__c') && !differing.includes(name),
      );
      for (const field of shared) {
        expect(real.fields).toContainEqual(field);
      }
    },
  );
});
