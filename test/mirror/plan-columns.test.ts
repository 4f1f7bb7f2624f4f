import { describe, expect, it } from 'vitest';
import {
  columnName,
  type MirrorColumn,
  type MirroredField,
  maxColumns,
  planColumns,
  schemaFields,
} from '../../src/mirror/plan-columns.ts';
import { compileSchema } from '../../src/salesforce/writer-schema.ts';

const text = (path: string): MirroredField => ({ path, type: 'text', fieldId: null });
const names = (fields: readonly MirroredField[]): string[] =>
  planColumns([], fields, true).map(({ name }) => name);
const catalogAfter = (catalog: readonly MirrorColumn[], planned: readonly MirrorColumn[]): MirrorColumn[] => [
  ...catalog.filter(({ name }) => !planned.some((column) => column.name === name)),
  ...planned,
];

describe('names of columns', () => {
  it.each([
    ['Industry', 'industry'],
    ['BillingAddress.City', 'billingcity'],
    ['BillingAddress.GeocodeAccuracy', 'billinggeocodeaccuracy'],
    ['Name.FirstName', 'firstname'],
    ['Location__c.Latitude', 'location__latitude__s'],
  ])('the field %s has the name that it has in the API of Salesforce', (path, name) => {
    expect(columnName(path)).toBe(name);
  });

  it('names that differ only in case or beyond 63 bytes are numbered', () => {
    const long = 'x'.repeat(70);
    expect(names([text('Tier__c'), text('TIER__c'), text(`${long}1__c`), text(`${long}2__c`)])).toEqual([
      'tier__c',
      'tier__c_2',
      'x'.repeat(63),
      `${'x'.repeat(61)}_2`,
    ]);
  });

  it('a field named like a column of every table gets a numbered name', () => {
    expect(names([text('Additional_Fields')])).toEqual(['additional_fields_2']);
  });
});

describe('columns of a schema', () => {
  it('types follow the Avro schema, and standard fields come first', () => {
    const schema = compileSchema(
      JSON.stringify({
        type: 'record',
        name: 'AccountChangeEvent',
        fields: [
          { name: 'ChangeEventHeader', type: { type: 'record', name: 'Header', fields: [] } },
          { name: 'Level__c', type: ['null', 'int'], doc: 'Data:Integer:00N000000000001' },
          { name: 'AnnualRevenue', type: ['null', 'double'], doc: 'Data:Currency' },
          { name: 'CreatedDate', type: ['null', 'long'], doc: 'CreatedDate:DateTime' },
          { name: 'SlaExpiration', type: ['null', 'long'], doc: 'Data:DateOnly' },
          {
            name: 'BillingAddress',
            type: [
              'null',
              { type: 'record', name: 'Address', fields: [{ name: 'City', type: ['null', 'string'] }] },
            ],
          },
        ],
      }),
    );
    expect(schemaFields(schema.entityFields.slice(1))).toEqual([
      { path: 'AnnualRevenue', type: 'numeric', fieldId: null },
      { path: 'CreatedDate', type: 'timestamptz', fieldId: null },
      { path: 'SlaExpiration', type: 'date', fieldId: null },
      { path: 'BillingAddress.City', type: 'text', fieldId: null },
      { path: 'Level__c', type: 'integer', fieldId: '00N000000000001' },
    ]);
  });

  it('only the first fields get a column', () => {
    const fields = Array.from({ length: 800 }, (_, n) => text(`F${n}__c`));
    expect(planColumns([], fields, true)).toHaveLength(maxColumns);
  });

  it('a removed field keeps its column, which is used again when the field is back', () => {
    const first = planColumns([], [text('A'), text('B')], true);
    const removed = planColumns(first, [text('A')], true);
    expect(removed).toEqual([expect.objectContaining({ path: 'B', name: 'b', state: 'removed' })]);
    const back = planColumns(catalogAfter(first, removed), [text('A'), text('B')], true);
    expect(back).toEqual([expect.objectContaining({ path: 'B', name: 'b', state: 'current' })]);
  });

  it('a field with another type gets a second column and keeps the first', () => {
    const first = planColumns([], [text('A')], true);
    const second = planColumns(first, [{ path: 'A', type: 'numeric', fieldId: null }], true);
    expect(second).toEqual([
      expect.objectContaining({ name: 'a', type: 'text', state: 'replaced' }),
      expect.objectContaining({ name: 'a_2', type: 'numeric', state: 'current' }),
    ]);
  });

  it('a field that gets its former type back uses its former column again', () => {
    const number: MirroredField = { path: 'Tier__c', type: 'numeric', fieldId: null };
    const first = planColumns([], [text('Tier__c')], true);
    const second = catalogAfter(first, planColumns(first, [number], true));
    expect(planColumns(second, [text('Tier__c')], true)).toEqual([
      { ...number, name: 'tier__c_2', state: 'replaced' },
      { ...text('Tier__c'), name: 'tier__c', state: 'current' },
    ]);
  });

  it('an event of an older schema removes nothing and changes no type', () => {
    const catalog = planColumns([], [text('A'), text('B')], true);
    expect(planColumns(catalog, [{ path: 'A', type: 'numeric', fieldId: null }, text('C')], false)).toEqual([
      expect.objectContaining({ path: 'C', state: 'current' }),
    ]);
  });
});
