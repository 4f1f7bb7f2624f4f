import { describe, expect, it } from 'vitest';
import { compareFields, describeChanges } from '../../src/fields/compare-fields.ts';
import { type DescribedKnownField, knownFields } from '../../src/fields/known-field.ts';
import type { DescribedField } from '../../src/salesforce/records.ts';
import type { SchemaField } from '../../src/salesforce/writer-schema.ts';

type Field = Partial<DescribedField> & { readonly fieldId?: string; readonly eventType?: string };

/** Fields by name, as they are in both the schema and describe. */
function fields(
  given: Readonly<Record<string, Field>>,
  selected: readonly string[] = [],
): DescribedKnownField[] {
  const schema = Object.entries(given).map(
    ([name, { fieldId = null, eventType = 'Data:Text' }]): SchemaField => ({
      name,
      parts: [],
      kind: 'plain',
      fieldId,
      eventType,
    }),
  );
  const described = Object.entries(given).map(
    ([name, { fieldId, eventType, ...field }]): DescribedField => ({ name, type: 'string', ...field }),
  );
  return knownFields(schema, described, new Set(selected));
}

const one = (field: Field, selected: readonly string[] = []) => fields({ Tier__c: field }, selected);

describe('changes of fields that no event reports', () => {
  it.each([
    ['added', fields({}), one({})],
    ['re-created', one({ fieldId: '00N000000000001' }), one({ fieldId: '00N000000000002' })],
    ['new type', one({ type: 'string' }), one({ type: 'textarea' })],
    ['new type', one({ eventType: 'Data:Text' }), one({ eventType: 'Data:Double' })],
    [
      'new type',
      one({ type: 'double', precision: 18, scale: 2 }),
      one({ type: 'double', precision: 18, scale: 0 }),
    ],
    ['shorter', one({ length: 20 }), one({ length: 10 })],
    ['new default', one({ defaultValue: null }), one({ defaultValue: 'new' })],
    ['readable again', knownFields(schemaOf('Tier__c'), [], new Set()), one({})],
    ['selected', one({ calculated: true }), one({ calculated: true }, ['Tier__c'])],
    ['deselected', one({ calculated: true }, ['Tier__c']), one({ calculated: true })],
  ])('a field is read again because it is %s', (kind, before, after) => {
    const changes = compareFields(before, after);
    expect([...changes.affected]).toEqual([['Tier__c', kind]]);
    expect(changes.lost).toEqual([]);
    expect(describeChanges(changes)).toBe(`${kind} Tier__c`);
    expect(compareFields(after, after).affected.size).toBe(0);
  });

  it.each([
    ['another label', one({ label: 'Tier' }), one({ label: 'Level' })],
    ['a greater length', one({ length: 10 }), one({ length: 20 })],
    ['an id that was not known before', one({}), one({ fieldId: '00N000000000001' })],
    [
      'a changed formula field that is not selected',
      one({ calculated: true }),
      one({ calculated: true, type: 'double' }),
    ],
    ['a new formula field that is not selected', fields({}), one({ calculated: true })],
  ])('nothing is read for %s', (_, before, after) => {
    expect(compareFields(before, after)).toEqual({ affected: new Map(), lost: [] });
  });

  it('a deleted field and a hidden field are lost, and nothing is read', () => {
    expect(compareFields(one({}), fields({}))).toEqual({ affected: new Map(), lost: ['Tier__c'] });
    const hidden = knownFields(schemaOf('Tier__c'), [], new Set());
    expect(compareFields(one({}), hidden)).toEqual({ affected: new Map(), lost: ['Tier__c'] });
  });

  it('a renamed field is lost under its old name and added under its new one', () => {
    const id = { fieldId: '00N000000000001' };
    const changes = compareFields(fields({ Old__c: id }), fields({ New__c: id }));
    expect([...changes.affected]).toEqual([['New__c', 'added']]);
    expect(changes.lost).toEqual(['Old__c']);
  });

  it('a changed part of an address is read as the whole address', () => {
    const address = (length: number) =>
      knownFields(
        [{ name: 'BillingAddress', parts: ['City'], kind: 'plain', eventType: 'Data:Address' }],
        [
          { name: 'BillingAddress', type: 'address' },
          { name: 'BillingCity', type: 'string', compound: 'BillingAddress', length },
        ],
        new Set(),
      );
    expect([...compareFields(address(40), address(20)).affected]).toEqual([['BillingAddress', 'shorter']]);
  });

  it('fields that events do not carry are not compared', () => {
    const photo = (length: number) => knownFields([], [{ name: 'PhotoUrl', type: 'url', length }], new Set());
    expect(compareFields(photo(255), photo(20))).toEqual({ affected: new Map(), lost: [] });
  });

  it('all changes are described in one line', () => {
    const changes = compareFields(
      fields({ A__c: { length: 20 } }),
      fields({ A__c: { length: 10 }, B__c: {}, C__c: {} }),
    );
    expect(describeChanges(changes)).toBe('added B__c, C__c; shorter A__c');
  });
});

function schemaOf(name: string): SchemaField[] {
  return [{ name, parts: [], kind: 'plain', fieldId: null, eventType: 'Data:Text' }];
}
